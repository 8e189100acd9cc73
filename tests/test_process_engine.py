"""Buckets in processes: the same rows as in threads, and a process that ends without an answer."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import QUIET
from polars.testing import assert_frame_equal

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.engines.engine import Worker
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.engines.opening import opened_hearing
from simsong_pipeline.engines.processes import ProcessEngine
from simsong_pipeline.errors import EngineError
from simsong_pipeline.sources.msd_events import find_event_files
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

EVENTS = PipelineConfig(encoder=EncoderConfig(kind="events"))


def test_processes_hear_what_threads_hear(features_raw: Path, tmp_path: Path) -> None:
    tasks = _tasks(features_raw)
    counts: list[tuple[int, int]] = []
    heard = []
    for engine in (LocalEngine(), ProcessEngine(2, worth=1)):
        function = HearBucket(tmp_path / type(engine).__name__, EVENTS, wait_s=10.0)
        heard.append(hear_all(function, engine, tasks, None, lambda *count: counts.append(count)))
    for name in ("audio", "segment_features", "descriptions"):
        assert_frame_equal(*(getattr(frames, name) for frames in heard))
    assert counts[-1] == (len(tasks), len(tasks))
    again = hear_all(function, ProcessEngine(2, worth=1), tasks, None, QUIET.progress)
    assert again.decoded == 0


@dataclass(frozen=True)
class _Job:
    bucket: int
    songs: int = 1


class _Dies:
    def open(self, worker: Worker):
        return lambda job: os._exit(1) if job.bucket == 1 else job.bucket


@pytest.mark.slow
def test_a_process_that_ends_says_that_the_same_command_goes_on() -> None:
    with pytest.raises(EngineError, match="the same command goes on"):
        list(ProcessEngine(2, worth=1).map_buckets(_Dies(), [_Job(n) for n in range(4)], QUIET.progress))


class _Sleeps:
    def open(self, worker: Worker):
        return lambda job: os.write(1, b"begun\n") and time.sleep(600)


def _sleep() -> None:
    list(ProcessEngine(2, worth=1).map_buckets(_Sleeps(), [_Job(n) for n in range(8)], QUIET.progress))


@pytest.mark.slow
@pytest.mark.parametrize("work", ["reading", "drawing"])
def test_processes_end_with_the_command_that_is_killed(tmp_path: Path, work: str) -> None:
    reading = [sys.executable, "-c", "import test_process_engine as t; t._sleep()"]
    drawing = [sys.executable, "-m", "simsong_pipeline.cli.main", "sample", "--home", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = reading if work == "reading" else drawing
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment) as process:
        assert process.stdout is not None
        if work == "reading":
            assert process.stdout.readline() == b"begun\n"
        while work == "drawing" and not list(tmp_path.glob(".raw.*.part/audio/**/*.ogg")):
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
        # Its processes hold the same pipe, which has an end when the last of them has gone.
        process.communicate(timeout=60)


@dataclass(frozen=True)
class _KillsItsRun(HearBucket):
    """After the first few buckets of a process the run is killed that it works for."""

    after: int = 1

    def open(self, worker: Worker):
        hear, left = super().open(worker), [self.after]

        def heard(job):
            found = hear(job)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(600)
            return found

        return heard


def _tasks(raw: Path) -> list[AudioTask]:
    return [AudioTask(*row, None) for row in find_event_files(raw / "msd").rows()]


def _read_and_be_killed(folder: str, raw: str, after: int) -> None:
    function = _KillsItsRun(Path(folder), EVENTS, wait_s=30.0, after=after)
    hear_all(function, ProcessEngine(2, worth=1), _tasks(Path(raw)), None, QUIET.progress)


@pytest.mark.slow
def test_reading_that_is_killed_goes_on_where_it_was(features_raw: Path, tmp_path: Path) -> None:
    tasks = _tasks(features_raw)
    whole = hear_all(HearBucket(tmp_path / "whole", EVENTS, wait_s=10.0), LocalEngine(), tasks, None, QUIET.progress)
    killed = HearBucket(tmp_path / "killed", EVENTS, wait_s=30.0)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for after in (1, 5):
        arguments = (str(killed.folder), str(features_raw), after)
        code = f"import test_process_engine as t; t._read_and_be_killed(*{arguments!r})"
        done = subprocess.run([sys.executable, "-c", code], env=environment, check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
    gone_on = hear_all(killed, ProcessEngine(2, worth=1), tasks, None, QUIET.progress)
    assert 0 < gone_on.decoded < whole.decoded - 3
    for name in ("audio", "segment_features", "descriptions"):
        assert_frame_equal(getattr(whole, name), getattr(gone_on, name))
    assert not list(killed.folder.rglob("*.part"))


def test_songs_with_recordings_are_heard_in_threads_and_events_in_processes() -> None:
    with opened_hearing(EVENTS, QUIET.note) as engine:
        assert isinstance(engine, ProcessEngine)
    with opened_hearing(PipelineConfig(), QUIET.note) as engine:
        assert isinstance(engine, LocalEngine)
