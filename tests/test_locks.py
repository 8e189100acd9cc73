"""The second of two waits a stated time and says for whom; then it is refused with one line."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import BusyError, SimSongError, StaleRunError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import NotedLock
from simsong_pipeline.stores.opening import open_store

_HOLDER = """
import sys, time
from pathlib import Path
sys.argv[0] = "simsong"
what, home, seconds = sys.argv.pop(), Path(sys.argv.pop()), float(sys.argv.pop())
if what in ("local", "edge"):
    from simsong_pipeline.config import StoreConfig
    from simsong_pipeline.stores.opening import open_store
    holding = open_store(StoreConfig(engine=what), home)
else:
    from simsong_pipeline.home.workspace import Workspace
    workspace = Workspace(home, "a1b2" if what in ("dagster", "step") else None, keeps=what != "step")
    holding = workspace.lock() if what != "provider" else workspace.provider_lock("Genius")
with holding:
    print("held", flush=True)
    if what != "dagster":
        time.sleep(seconds)
if what == "dagster":  # between two steps of its run
    time.sleep(seconds)
    workspace.end_run()
"""


@contextmanager
def held_by_another(what: str, home: Path, seconds: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    words = ["refresh", "--qdrant-url", "http://u:s3cret-w0rd@h", str(seconds), str(home), what]
    command = [sys.executable, "-c", _HOLDER, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("what", ["command", "dagster", "step"])
@pytest.mark.parametrize("second", [None, "c3d4"])
def test_held_home_is_refused_after_the_stated_time(what: str, second: str | None, tmp_path: Path) -> None:
    said: list[str] = []
    workspace = Workspace(tmp_path, second, wait_s=1.0, told=said.append)
    with held_by_another(what, tmp_path) as holder, pytest.raises(BusyError) as caught, workspace.lock():
        pass
    who = "simsong refresh" if what == "command" else "Dagster run a1b2"
    assert f"the home {tmp_path} is in use by {who} (process {holder.pid}, since 20" in said[0]
    assert said[0].endswith("waiting for it, 1 s at most")
    assert f"{who} (process {holder.pid}" in str(caught.value)
    assert "s3cret-w0rd" not in said[0] + str(caught.value)


@pytest.mark.parametrize("what", ["command", "dagster"])
def test_held_home_is_had_when_it_is_free(what: str, tmp_path: Path) -> None:
    said: list[str] = []
    with held_by_another(what, tmp_path, 3.0), Workspace(tmp_path, wait_s=60.0, told=said.append).lock():
        assert len(said) == 1


def _step(home: Path, run: str = "a1b2", told: list[str] | None = None) -> Workspace:
    """The home as a step sees it that is a process of its own, and that waits for no other run."""
    return Workspace(home, run, wait_s=0.0, told=(told if told is not None else []).append, keeps=False)


def test_step_waits_for_another_of_its_run_however_long_it_takes(tmp_path: Path) -> None:
    said: list[str] = []
    with held_by_another("step", tmp_path, 3.0), _step(tmp_path, told=said).lock():
        assert said == [f"the home {tmp_path} is in use by another step of this run: waiting for it"]


def test_step_that_reads_does_not_wait_for_another_of_its_run(tmp_path: Path) -> None:
    said: list[str] = []
    with held_by_another("step", tmp_path):
        _step(tmp_path, told=said).begin()
    assert said == []


def test_step_that_is_a_process_leaves_the_home_to_others_when_it_has_written(tmp_path: Path) -> None:
    step = _step(tmp_path)
    step.begin()
    with held_by_another("step", tmp_path, 0.0):
        pass
    with Workspace(tmp_path, wait_s=0.0).lock():
        pass


def test_step_of_a_run_that_was_overtaken_is_refused_when_it_begins(tmp_path: Path) -> None:
    _step(tmp_path).begin()
    _step(tmp_path, "c3d4").begin()
    with pytest.raises(StaleRunError):
        _step(tmp_path).begin()


def test_run_that_waits_in_vain_overtakes_nobody(tmp_path: Path) -> None:
    with held_by_another("dagster", tmp_path):
        before = (tmp_path / "fence.json").read_bytes()
        second = Workspace(tmp_path, "c3d4", wait_s=0.0)
        with pytest.raises(BusyError):
            second.begin()
        assert (tmp_path / "fence.json").read_bytes() == before


def test_command_takes_its_number_with_its_first_frame(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.lock():
        workspace.claim_when_writing("first")
        assert not (tmp_path / "fence.json").exists()
        workspace.write("anything", pl.DataFrame({"a": [1]}))
        assert workspace.fence.claim("first") == 1


def test_run_holds_the_home_between_its_steps_in_all_its_workspaces(tmp_path: Path) -> None:
    steps = [Workspace(tmp_path, "a1b2", wait_s=0.0) for _ in range(2)]
    for step in steps:
        with step.lock():
            pass
    with pytest.raises(BusyError), Workspace(tmp_path, wait_s=0.0).lock():
        pass
    steps[1].end_run()
    with Workspace(tmp_path, wait_s=0.0).lock():
        pass


def test_run_that_was_overtaken_lets_go_of_the_home(tmp_path: Path) -> None:
    first = Workspace(tmp_path, "a1b2", wait_s=0.0)
    first.begin()
    first.end_run()
    with Workspace(tmp_path, wait_s=0.0).lock():
        Workspace(tmp_path).fence.claim("c3d4")
    with pytest.raises(StaleRunError):
        first.begin()
    with Workspace(tmp_path, wait_s=0.0).lock():
        pass


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_held_index_is_waited_for(engine: str, tmp_path: Path) -> None:
    config = StoreConfig.model_validate({"engine": engine, "wait_s": 60.0})
    with held_by_another(engine, tmp_path, 1.5), open_store(config, tmp_path) as store:
        assert store.collections() == []


@pytest.mark.parametrize("engine", ["local", "edge"])
def test_held_index_is_refused_after_the_stated_time(
    engine: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = StoreConfig.model_validate({"engine": engine, "wait_s": 1.0})
    with held_by_another(engine, tmp_path) as holder, pytest.raises(BusyError) as caught:
        open_store(config, tmp_path)
    assert f"is in use by simsong refresh (process {holder.pid}" in caplog.messages[0]
    assert "also after 1 s: ask again when it has finished" in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the client leaves its file open
def test_index_that_another_program_holds_is_refused_after_the_stated_time(tmp_path: Path) -> None:
    from qdrant_client import QdrantClient

    client = QdrantClient(path=str(tmp_path / "qdrant"))
    with pytest.raises(BusyError, match="another program"):
        open_store(StoreConfig(wait_s=0.5), tmp_path)
    client.close()


def test_provider_is_waited_for(tmp_path: Path) -> None:
    lock = Workspace(tmp_path, wait_s=0).provider_lock("Genius")
    with held_by_another("provider", tmp_path), pytest.raises(BusyError, match="Genius for the home"), lock:
        pass


def test_process_does_not_wait_for_itself(tmp_path: Path) -> None:
    first, second = (NotedLock(tmp_path / "a.lock", "it", "wait") for _ in range(2))
    started = time.monotonic()
    with first.held(0), pytest.raises(BusyError):
        second.acquire(60)
    assert time.monotonic() - started < 10


def test_note_goes_with_its_lock(tmp_path: Path) -> None:
    lock = NotedLock(tmp_path / "a.lock", "it", "wait")
    with lock.held(0), lock.held(0):
        assert (tmp_path / "a.lock.holder").is_file()
    assert not (tmp_path / "a.lock.holder").exists()


@pytest.mark.parametrize(
    "note", ["", "[]", "{}", '{"holder": 1e400}', '{"holder": "x", "pid": "y", "since": 3}', "\x00"]
)
def test_damaged_note_names_nobody(note: str, tmp_path: Path) -> None:
    with held_by_another("command", tmp_path):
        (tmp_path / ".lock.holder").write_text(note)
        with pytest.raises(BusyError, match="in use by another process"), Workspace(tmp_path, wait_s=0).lock():
            pass


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e9"])
def test_wait_that_is_no_number_of_seconds_is_named(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_WAIT_S", value)
    with pytest.raises(SimSongError, match="SIMSONG_WAIT_S"), Workspace(tmp_path).lock():
        pass
