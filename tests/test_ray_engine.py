"""A Ray cluster makes what this machine's threads make, whatever of it is killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import QUIET, SMALL_CONFIG, run_of

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.config import EncoderConfig, EngineConfig
from simsong_pipeline.engines.engine import Engine, Worker
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.errors import BusyError, EngineError, ModelError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.sources.msd_events import find_event_files
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

ray = pytest.importorskip("ray", reason="the extra simsong[ray] is not installed")

pytestmark = [
    pytest.mark.slow,
    # Of Ray's own sockets and files, when a cluster that was killed is collected.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]
SONGS = 40


@dataclass(frozen=True)
class Part:
    """A job of a few numbers."""

    bucket: int
    numbers: tuple[int, ...]

    @property
    def songs(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Squares:
    """Squares of a bucket's numbers, each as a song; a negative one kills the process that it is given to."""

    def open(self, worker: Worker) -> Callable[[Part], list[object]]:
        def work(part: Part) -> list[object]:
            return list(worker.map_songs(_square, str, _told, part.numbers))

        return work


def _square(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def _told(number: int, how: str) -> str:
    return f"{number} is lost"


@dataclass(frozen=True)
class Failing:
    """Cannot be opened, for a reason that a person can act on."""

    def open(self, worker: Worker) -> Callable[[Part], None]:
        raise ModelError("the model is not there: fetch it")


@dataclass(frozen=True)
class Modules:
    """The modules that a worker has loaded once it has heard a bucket."""

    hear: HearBucket

    def open(self, worker: Worker) -> Callable[[Any], list[str]]:
        work = self.hear.open(worker)

        def heard(job: Any) -> list[str]:
            work(job)
            return sorted(sys.modules)

        return heard


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one core each, in processes of this machine."""
    from ray.cluster_utils import Cluster

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.fixture
def engine(cluster: Any) -> Engine:
    from simsong_pipeline.engines.ray_engine import RayEngine

    return RayEngine(EngineConfig(kind="ray", address=cluster.address))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[AudioTask]:
    """Recordings, one of them damaged and one missing."""
    folder, made = tmp_path_factory.mktemp("music"), []
    for number in range(SONGS):
        path = folder / f"song{number}.flac"
        wave = 0.3 * np.sin(2 * np.pi * (200 + 30 * number) * np.arange(16_000 * 4) / 16_000)
        soundfile.write(path, wave, 16_000)
        if number == 7:
            path.write_bytes(b"no music")
        stat = path.stat()
        made.append(AudioTask(path.stem, str(path), stat.st_size, stat.st_mtime_ns, None))
    return [*made, AudioTask("gone", str(folder / "gone.flac"), -1, -1, None)]


def _content(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("bucket-*")}


def _hear(folder: Path, tasks: list[AudioTask], engine: Engine) -> Any:
    return hear_all(HearBucket(folder, SMALL_CONFIG, 5.0), engine, tasks, None, QUIET.progress)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, tasks: list[AudioTask]) -> dict[str, str]:
    """What this machine's threads make of the recordings."""
    folder = tmp_path_factory.mktemp("alone")
    _hear(folder, tasks, LocalEngine())
    return _content(folder)


def test_the_same_bytes_and_nothing_twice(
    engine: Engine, tasks: list[AudioTask], alone: dict[str, str], tmp_path: Path
) -> None:
    first = _hear(tmp_path, tasks, engine)
    second = _hear(tmp_path, tasks, engine)
    assert (first.decoded, second.decoded) == (SONGS, 0)
    assert first.audio.equals(second.audio)
    assert _content(tmp_path) == alone


def test_features_of_events_are_the_same_bytes(engine: Engine, features_raw: Path, tmp_path: Path) -> None:
    config = SMALL_CONFIG.model_copy(update={"encoder": EncoderConfig(kind="events")})
    tasks = [AudioTask(*row, None) for row in find_event_files(features_raw / "msd").rows()]
    for name, one in (("ray", engine), ("here", LocalEngine())):
        hear_all(HearBucket(tmp_path / name, config, 5.0), one, tasks, None, QUIET.progress)
    assert len(_content(tmp_path / "ray")) > 10
    assert _content(tmp_path / "ray") == _content(tmp_path / "here")


def test_workers_know_neither_dagster_nor_torch(engine: Engine, tasks: list[AudioTask], tmp_path: Path) -> None:
    hear = HearBucket(tmp_path, SMALL_CONFIG, 5.0)
    jobs = hear.store().look(tasks, SMALL_CONFIG.audio).jobs
    with closing(engine.map_buckets(Modules(hear), jobs[:2], QUIET.progress)) as done:
        loaded = set().union(*done)
    assert "simsong_pipeline.audio.decoding" in loaded
    assert not {"torch", "dagster"} & loaded


def test_a_song_that_kills_its_process_is_lost_alone(engine: Engine) -> None:
    parts = [Part(0, (1, -2, 3)), Part(1, (4,))]
    with closing(engine.map_buckets(Squares(), parts, QUIET.progress)) as done:
        found = sorted(done)
    assert found == [["1", "-2 is lost", "9"], ["16"]]


def test_every_song_is_counted(engine: Engine) -> None:
    counts: list[tuple[int, int]] = []
    parts = [Part(bucket, tuple(range(5))) for bucket in range(7)]
    with closing(engine.map_buckets(Squares(), parts, lambda *at: counts.append(at))) as done:
        assert len(list(done)) == 7
    assert all(total == 35 for _, total in counts)
    assert [at for at, _ in counts] == sorted(at for at, _ in counts)


def test_what_a_job_raises_is_what_a_person_reads(engine: Engine) -> None:
    with (
        closing(engine.map_buckets(Failing(), [Part(0, (1,))], QUIET.progress)) as done,
        pytest.raises(ModelError, match=r"^the model is not there: fetch it$"),
    ):
        next(done)


def _workers(title: str) -> list[int]:
    """Processes of the cluster that bear a title, as Ray gives it to what works in them."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdecimal() and title in (folder / "cmdline").read_text():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _killed(processes: Callable[[], list[int]], stop: threading.Event, every_s: float, most: int) -> list[int]:
    """Kill one process after the other while there is work."""
    killed: list[int] = []
    while not stop.wait(every_s) and len(killed) < most:
        there = [process for process in processes() if process not in killed]
        if there:
            os.kill(there[0], signal.SIGKILL)
            killed.append(there[0])
    return killed


@pytest.mark.parametrize(("title", "most"), [("ray::_first", 6), ("ray::_Actor", 2)])
def test_killed_workers_are_replaced(
    engine: Engine, tasks: list[AudioTask], alone: dict[str, str], tmp_path: Path, title: str, most: int
) -> None:
    stop, killed = threading.Event(), list[int]()
    hunter = threading.Thread(target=lambda: killed.extend(_killed(lambda: _workers(title), stop, 0.15, most)))
    hunter.start()
    try:
        _hear(tmp_path, tasks, engine)
    finally:
        stop.set()
        hunter.join()
    assert killed
    assert _content(tmp_path) == alone


def test_a_node_that_is_killed_is_done_without(
    cluster: Any, engine: Engine, tasks: list[AudioTask], alone: dict[str, str], tmp_path: Path
) -> None:
    node = cluster.add_node(num_cpus=1)
    begun = threading.Event()

    def kill() -> None:
        begun.wait()
        cluster.remove_node(node, allow_graceful=False)

    hunter = threading.Thread(target=kill)
    hunter.start()

    def progress(done: int, _: int) -> None:
        if done:
            begun.set()

    hear_all(HearBucket(tmp_path, SMALL_CONFIG, 5.0), engine, tasks, None, progress)
    begun.set()
    hunter.join()
    assert _content(tmp_path) == alone


def test_a_worker_that_is_lost_each_time_ends_the_run(cluster: Any) -> None:
    from simsong_pipeline.engines.ray_engine import RayEngine

    engine = RayEngine(EngineConfig(kind="ray", address=cluster.address, tries=2))
    with (
        closing(engine.map_buckets(Suicide(), [Part(3, (1,))], QUIET.progress)) as done,
        pytest.raises(EngineError, match="worker of bucket 3 was lost 2 times"),
    ):
        list(done)


@dataclass(frozen=True)
class Suicide:
    """Kills its actor."""

    def open(self, worker: Worker) -> Callable[[Part], None]:
        def work(part: Part) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        return work


def test_a_night_by_ray_is_a_night_by_threads(cluster: Any, run_copy: Workspace) -> None:
    before = {name: run_copy.read(name) for name in ("wns/track_vectors", "ns/track_vectors", "lyric_embeddings")}
    for name in before:
        for file in sorted(run_copy.frame_path(name).iterdir()):
            file.unlink()
    config = SMALL_CONFIG.model_copy(update={"engine": EngineConfig(kind="ray", address=cluster.address)})
    first = refresh(run_of(run_copy, config=config, publish_anyway=True))
    again = refresh(run_of(run_copy, config=config, publish_anyway=True))
    assert first.embedded == before["wns/track_vectors"].height
    assert again.embedded == 0
    for name, frame in before.items():
        assert run_copy.read(name).equals(frame), name


def test_songs_whose_frames_were_let_go_of_are_heard_again_by_ray(cluster: Any, run_copy: Workspace) -> None:
    refresh(run_of(run_copy, publish_anyway=True))
    gone = run_copy.read("segment_features")["file"].null_count()
    before = {name: run_copy.read(name) for name in ("wns/track_vectors", "ns/track_vectors")}
    for name in before:
        for file in sorted(run_copy.frame_path(name).iterdir()):
            file.unlink()
    config = SMALL_CONFIG.model_copy(update={"engine": EngineConfig(kind="ray", address=cluster.address)})
    again = refresh(run_of(run_copy, config=config, publish_anyway=True))
    assert 0 < gone < again.embedded == before["wns/track_vectors"].height
    for name, frame in before.items():
        assert run_copy.read(name).equals(frame), name


def test_the_second_of_two_drivers_is_refused(cluster: Any, run_copy: Workspace) -> None:
    config = SMALL_CONFIG.model_copy(update={"engine": EngineConfig(kind="ray", address=cluster.address)})
    other = Workspace(run_copy.home, wait_s=0)
    with run_copy.lock(), pytest.raises(BusyError, match="is in use by"):
        refresh(run_of(other, config=config))


def test_the_command_makes_a_cluster_of_its_own(run_copy: Workspace) -> None:
    """With a home whose features are gone, by a command as a person starts it; stopped, it says what is kept."""
    for file in run_copy.features_folder.iterdir():
        file.unlink()
    run_copy.save_config(SMALL_CONFIG)
    run_copy.save_source(run_of(run_copy).source.config.model_copy(update={"raw": run_copy.raw}))
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "refresh", "--publish-anyway", "--json"]
    command += ["--home", str(run_copy.home), "--engine", "ray"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    stopped = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(run_copy.features_folder.glob("bucket-*.parquet")) and stopped.poll() is None:
        time.sleep(0.02)
    stopped.send_signal(signal.SIGTERM)
    _, said = stopped.communicate()
    assert stopped.returncode == 128 + signal.SIGTERM, said
    assert "stopped: what was read" in said
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["embedded"] == 0
    assert "Token authentication" not in done.stderr + said
