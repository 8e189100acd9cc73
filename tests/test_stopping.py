"""Ctrl-C or SIGTERM in any command is one line that says what is kept, and exit status 130 or 143."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simsong_pipeline.cli import main
from simsong_pipeline.cli.stopping import KEPT, StoppedError, stoppable
from simsong_pipeline.home.workspace import Workspace


def _names() -> list[str]:
    """The functions of all commands."""
    apps = [main.app, *(group.typer_instance for group in main.app.registered_groups)]
    return [str(command.callback.__name__) for app in apps for command in app.registered_commands]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", _names())
def test_command_says_what_is_kept(name: str) -> None:
    assert name in KEPT


def test_stopped_command_ends_with_its_line() -> None:
    def refresh(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="stopped: what was read, decoded and embedded is kept"):
        stoppable(refresh)(3)


_FORKING = """
import multiprocessing, os, signal, time
from simsong_pipeline.cli.stopping import TerminatedError, heed_sigterm
heed_sigterm()
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
child.start()
child.terminate()
child.join(30)
print(child.exitcode)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
except TerminatedError:
    print("stopped")
"""


def test_sigterm_of_a_command_is_no_matter_of_what_it_forks() -> None:
    """Or a worker that its pool ends would raise and print. In a process without other threads, as forking wants."""
    done = subprocess.run([sys.executable, "-c", _FORKING], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout.split(), done.stderr) == ([str(-int(signal.SIGTERM)), "stopped"], "")


_LOSING = """
import signal, time, weakref
from simsong_pipeline.cli import main
class Thing: pass
def lose(_): signal.raise_signal(signal.{name}); time.sleep(0)
def command():
    thing = Thing()
    reference = weakref.ref(thing, lose)
    del thing
    time.sleep(30)
signal.signal(signal.SIGINT, signal.default_int_handler)
main.app = command
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_that_python_drops_in_a_callback_is_not_lost(number: signal.Signals) -> None:
    code = [sys.executable, "-c", _LOSING.format(name=number.name)]
    done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=25)
    assert (done.returncode, done.stderr) == (128 + number, "stopped\n")


# Where the tests run in the background a Ctrl-C is ignored, and that is inherited.
_ATTENTIVE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("simsong_pipeline.cli.main", run_name="__main__", alter_sys=True)
"""


def _stopped(
    words: list[str], folder: Path, number: signal.Signals = signal.SIGINT, patience_s: float = 120.0
) -> tuple[int, str]:
    """Exit status and what was said, where a command gets a signal once it writes: Ctrl-C with all that it started."""
    command = [sys.executable, "-c", _ATTENTIVE, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as process:
        ends = time.monotonic() + patience_s
        while not any(folder.iterdir()) and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        while True:
            (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
            try:
                said, _ = process.communicate(timeout=15)
                return process.returncode, said.decode()
            except subprocess.TimeoutExpired:
                # Python drops a Ctrl-C that comes in a callback of its own; a person presses it again.
                assert time.monotonic() < ends, "it did not stop"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_sample_that_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    code, said = _stopped(["sample", "--songs", "2000", "--home", str(tmp_path)], tmp_path, number)
    assert code == 128 + number
    assert said.splitlines()[-1].startswith("stopped: the songs written so far stay")
    assert "Traceback" not in said
    assert "Aborted" not in said


def test_waiting_for_a_home_that_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    with Workspace(tmp_path).lock():
        words = ["library", str(tmp_path / "music"), "--scan-only", "--home", str(tmp_path)]
        command = [sys.executable, "-c", _ATTENTIVE, *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, text=True) as process:
            assert process.stderr is not None
            assert "is in use by" in process.stderr.readline()
            os.killpg(process.pid, signal.SIGINT)
            said = process.stderr.read()
            assert process.wait() == 130
    *waiting, last = said.splitlines()  # on a busy machine it says more than once whom it waits for
    assert last.startswith("stopped: what was read")
    assert all("is in use by" in line for line in waiting)
