"""Homes at an address: each command is given a local copy in its place, and what it leaves there is published."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from simsong_pipeline.cli.console import events
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.events import SILENT, Events
from simsong_pipeline.locks import patience
from simsong_pipeline.remote.opened import Telling, Use, opened

_READING = frozenset({"similar", "path", "about", "why", "tags", "languages", "doctor", "verify", "serve"})


def at_its_home(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with a local copy where `--home` is an address."""

    @wraps(command)
    def with_copy(*arguments: Any, **named: Any) -> None:
        home = named.get("home")
        if not isinstance(home, str):
            command(*arguments, **named)
            return
        _refuse_several()
        with _copied(home, _use(command.__name__, named)) as folder:
            # What is kept in a copy for reading would be lost.
            more = {"read_only": True} if command.__name__ == "serve" else {}
            command(*arguments, **{**named, **more, "home": folder})

    return with_copy


def _use(command: str, named: dict[str, Any]) -> Use:
    if command == "embed":
        return "working"
    # The list of what is never suggested is shown where no song is named.
    return "reading" if command in _READING or (command == "never" and not named.get("songs")) else "writing"


def _refuse_several() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise SimSongError(
            "several processes cannot train in a home at an address: train in a home on a disk, or with one process"
        )


@contextmanager
def _copied(url: str, use: Use) -> Iterator[Path]:
    """Progress is shown while files are fetched, and while they are written at the end; between, by the command."""
    listener = _Listener()
    told = Telling(listener.stage, listener.progress, listener.note)
    with ExitStack() as ending, ExitStack() as copies:
        with events() as listener.now:
            copy = copies.enter_context(opened(url, use, patience(None), told))
        copies.callback(lambda: listener.listen(ending.enter_context(events())))
        yield copy.home


class _Listener:
    """Passes on what is told to whoever shows it now."""

    now = SILENT

    def listen(self, now: Events) -> None:
        self.now = now

    def stage(self, name: str) -> None:
        self.now.stage(name)

    def progress(self, done: int, total: int) -> None:
        self.now.progress(done, total)

    def note(self, text: str) -> None:
        self.now.note(text)
