"""Locks that say who holds them: the second of two waits a stated time, and its line names the first.

A lock is a file that the kernel frees when its process ends, however it ends. Beside it lies a note of who holds it,
for people; nothing is decided by the note.
"""

import json
import logging
import os
import re
import resource
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from simsong_pipeline.errors import BusyError, SimSongError
from simsong_pipeline.files import read_json_object
from simsong_pipeline.redaction import without_secrets

ONE_AT_A_TIME = "ask again when it has finished, or serve several processes from a server (QDRANT_URL)"
Told = Callable[[str], None]
# What is over sooner needs no line.
_SILENT_S = 0.5
# Beside locks: recordings, maps of features, the index.
_OTHER_FILES = 800
# How often it is looked who holds it meanwhile.
_LOOK_S = 5.0
# How long a home is waited for that another process holds; SIMSONG_WAIT_S says otherwise.
WAIT_S = 600.0
_LONGEST_WAIT_S = 1e6
_log = logging.getLogger(__name__)


def log_line(text: str) -> None:
    """Where a line goes when nobody else is named: to the log, which the command shows."""
    _log.warning("%s", text)


class NotedLock:
    """A lock that one process holds at a time; its own holder gets in again.

    Args:
        path: the lock's file; the note lies beside it.
        what: is held, for messages: "the home my-music".
        remedy: what else a person can do who does not want to wait.
        holder: the run that this process works for, of which other processes may be steps: they are waited for as
            long as they take. Where null, the process is called by its command, in others' messages.
        told: gets the line that says for whom is waited.
    """

    def __init__(self, path: Path, what: str, remedy: str, holder: str | None = None, told: Told = log_line) -> None:
        self._path, self._what, self._remedy = path, what, remedy
        self._run, self._holder, self._told = holder, holder or command_name(), told
        self._note = _note_beside(path)
        # Whatever thread of its holder asks: a run is one holder.
        self._lock = FileLock(path, thread_local=False)
        self._kept = False

    def acquire(self, wait_s: float) -> None:
        """Wait for the lock for so many seconds at most; `release` as often as this returned.

        Raises:
            BusyError: naming who holds it still.
        """
        if not self._taken(min(wait_s, _SILENT_S)):
            self._wait(wait_s)
        if self._lock.lock_counter == 1:
            self._sign()

    def _wait(self, wait_s: float) -> None:
        if self._note_of().get("process") == _this_process():
            wait_s = 0.0  # nobody would let go of it
        elif self._is_of_this_run():
            self._told(f"{self._what} is in use by another step of this run: waiting for it")
        elif wait_s > _SILENT_S:
            self._told(f"{self._what} is in use by {self._other()}: waiting for it, {in_words(wait_s)} at most")
        if not self._taken_at_last(wait_s - _SILENT_S):
            waited = f", also after {in_words(wait_s)}" if wait_s else ""
            raise BusyError(f"{self._what} is in use by {self._other()}{waited}: {self._remedy}")

    def _taken_at_last(self, wait_s: float) -> bool:
        """Whether it could be had in so many seconds, not counted those in which another step of the run held it."""
        left, is_ours = wait_s, self._is_of_this_run()
        while left > 0 or is_ours:
            part = _LOOK_S if is_ours else min(left, _LOOK_S)
            if self._taken(part):
                return True
            left -= 0 if is_ours else part
            is_ours = self._is_of_this_run()
        return False

    def _is_of_this_run(self) -> bool:
        """Whether another process holds it that works for the same run."""
        note = self._note_of()
        return self._run is not None and note.get("holder") == self._run and note.get("process") != _this_process()

    def release(self) -> None:
        """Once for each `acquire`."""
        if self._lock.lock_counter == 1:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)
        self._lock.release()

    def keep(self) -> None:
        """Go on holding it, however often it is released, until `let_go`."""
        if not self._kept:
            self._lock.acquire(timeout=0)
            self._kept = True

    def let_go(self) -> None:
        """Undo `keep`."""
        if self._kept:
            self._kept = False
            self.release()

    @contextmanager
    def held(self, wait_s: float) -> Iterator[None]:
        """Hold it while the block lasts.

        Raises:
            BusyError: as `acquire`.
        """
        self.acquire(wait_s)
        try:
            yield
        finally:
            self.release()

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._lock.is_locked

    def _taken(self, wait_s: float) -> bool:
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout:
            return False
        return True

    def _sign(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):  # a full disk is no reason not to work
            note = {"pid": os.getpid(), "process": _this_process(), "holder": self._holder, "since": since}
            self._note.write_text(json.dumps(note), encoding="utf-8")

    def _other(self) -> str:
        """Who holds it, as far as its note says."""
        note = self._note_of()
        try:
            since = datetime.fromisoformat(note["since"]).astimezone()
            return f"{str(note['holder'])[:100]} (process {int(note['pid'])}, since {since:%Y-%m-%d %H:%M:%S})"
        except (ValueError, KeyError, TypeError, OverflowError):
            return "another process"

    def _note_of(self) -> dict[str, Any]:
        return note_of(self._path)


def note_of(lock: Path) -> dict[str, Any]:
    """Who holds a lock, as its note says: holder, pid, since; empty where there is none, or none that can be read."""
    try:
        return read_json_object(_note_beside(lock))
    except (OSError, ValueError):
        return {}


def _note_beside(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}.holder")


@cache
def _this_process() -> str:
    """A process's number may be another's on another machine, or in another container, over the same folder."""
    return uuid.uuid4().hex


def allow_open_files(locks: int) -> None:
    """Let this process hold so many locks at once: each is an open file, of which a shell allows a thousand or so.

    Raises:
        SimSongError: the system allows fewer.
    """
    needed, (soft, hard) = locks + _OTHER_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SimSongError(
            f"{needed} files have to be open at once, and {hard} may be: raise `ulimit -Hn`, and run again"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def command_name() -> str:
    """What this process was called as, without its arguments, which may hold an address with a password."""
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    given = sys.argv[3:] if sys.argv[1:2] == ["--log-format"] else sys.argv[1:]
    words = [word for word in given[:2] if re.fullmatch(r"[a-z][a-z-]{1,20}", word)]
    return without_secrets(" ".join(["simsong" if name == "main.py" else name, *words[:1]]))


def patience(wait_s: float | None) -> float:
    """Seconds to wait: those given, else those of SIMSONG_WAIT_S, else ten minutes.

    Raises:
        SimSongError: SIMSONG_WAIT_S is no such number.
    """
    if wait_s is not None:
        return wait_s
    given = os.environ.get("SIMSONG_WAIT_S", "").strip()
    try:
        seconds = float(given) if given else WAIT_S
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < _LONGEST_WAIT_S:
        raise SimSongError(f"SIMSONG_WAIT_S is {given!r}: a number of seconds is needed, 600 say")
    return seconds


def in_words(seconds: float) -> str:
    """A time for a message."""
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} s"
