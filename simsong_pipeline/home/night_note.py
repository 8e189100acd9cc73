"""What a run is doing and how the last one ended, as a file: for whoever looks at the home meanwhile.

Nothing is decided by it. Its name ends as those of other notes do that are this machine's own, so that it is no part of
a home at an address.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.files import read_json_object
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.redaction import without_secrets

_EVERY_S = 1.0
_MOST_NOTES = 50
State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class NightNote:
    """One run.

    Attributes:
        command: of `simsong`.
        stage, done, total: where it is; 0 of 0 where a stage does not count.
        notes: facts that it told, the last ones.
        outcome: what came of it, or the error.
    """

    state: State
    command: str
    pid: int
    host: str
    since: str
    ended: str | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    notes: list[str] = field(default_factory=list)
    outcome: str = ""


_NOTES = TypeAdapter(NightNote)


class Noting:
    """Writes the note, at most once a second but for what begins and ends.

    Attributes:
        events: told to these, and to whoever listens besides.
        outcome: what the run says of itself at its end.
    """

    def __init__(self, path: Path, command: str, told: Events) -> None:
        self._path, self._told, self._written = path, told, 0.0
        self._note = NightNote("running", command, os.getpid(), socket.gethostname(), _now())
        self.events, self.outcome = Events(self._stage, self._progress, self._add, told.count), ""
        self._write()

    def end(self, state: State, outcome: str) -> None:
        self._note = replace(self._note, state=state, ended=_now(), outcome=outcome)
        self._write()

    def _stage(self, name: str) -> None:
        self._told.stage(name)
        self._note = replace(self._note, stage=name, done=0, total=0)
        self._write()

    def _progress(self, done: int, total: int) -> None:
        self._told.progress(done, total)
        self._note = replace(self._note, done=done, total=total)
        if time.monotonic() - self._written > _EVERY_S:
            self._write()

    def _add(self, text: str) -> None:
        self._told.note(text)
        self._note = replace(self._note, notes=[*self._note.notes, text][-_MOST_NOTES:])

    def _write(self) -> None:
        """Whole, by a rename; not flushed to the disk, for after a power cut nobody asks."""
        self._written = time.monotonic()
        part = self._path.with_name(f"{self._path.name}.part")
        with suppress(OSError):  # a full disk is no reason not to work
            part.write_text(without_secrets(json.dumps(asdict(self._note), ensure_ascii=False)), encoding="utf-8")
            os.replace(part, self._path)


def begin_note(workspace: Workspace, command: str, told: Events) -> Noting:
    """A note that whoever calls it ends."""
    workspace.home.mkdir(parents=True, exist_ok=True)
    return Noting(_path(workspace), command, told)


@contextmanager
def noted(workspace: Workspace, command: str, told: Events) -> Iterator[Noting]:
    """Note what a run does while the block lasts, and how it ended; use the object's events for it."""
    noting = begin_note(workspace, command, told)
    try:
        yield noting
    except Exception as error:
        noting.end("failed", str(error) or type(error).__name__)
        raise
    except BaseException:
        noting.end("stopped", "it was stopped; the same command goes on")
        raise
    noting.end("done", noting.outcome)


def night_note(workspace: Workspace) -> NightNote | None:
    """The note of the run at work, or of the last one; null where there was none, or its note cannot be read.

    A run that is no more and could not say so was stopped.
    """
    try:
        note = _NOTES.validate_python(read_json_object(_path(workspace)))
    except (OSError, ValueError, ValidationError):
        return None
    if note.state == "running" and note.host == socket.gethostname() and not _is_alive(note.pid):
        return replace(note, state="stopped", outcome="its process ended without a word; the same command goes on")
    return note


def _path(workspace: Workspace) -> Path:
    return workspace.home / ".night.holder"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # another's
        return True
    return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
