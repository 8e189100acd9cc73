"""Playlists as they are kept: a name, songs, and, where they answer a question, the question itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from simsong_pipeline.errors import SimSongError, UnknownSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.kept_files import ChangeLock, KeptFolder

MOST_SONGS, MOST_NAME = 10_000, 500
_MOST_LISTS = 10_000


class Recipe(BaseModel, extra="forbid", frozen=True):
    """A question that can be asked again: the parameters of `/similar`, `/path` or `/about`."""

    kind: Literal["similar", "path", "about"]
    question: dict[str, Any]


class KeptPlaylist(BaseModel, extra="forbid", frozen=True):
    """One file below `kept/playlists/`.

    Attributes:
        asked_of: the state of the home that the songs are an answer of; null where a person chose them.
        model: that answered.
        comment: a remark of a player's.
    """

    name: str = Field(min_length=1, max_length=MOST_NAME)
    created: str
    changed: str
    recipe: Recipe | None = None
    songs: list[str] = Field([], max_length=MOST_SONGS)
    asked_of: str | None = None
    model: str | None = None
    comment: str = Field("", max_length=MOST_NAME)


@dataclass(frozen=True)
class Listed:
    """A playlist with its id."""

    id: str
    kept: KeptPlaylist


class Playlists:
    """The playlists of a home."""

    def __init__(self, workspace: Workspace) -> None:
        self._folder = KeptFolder(workspace.home / "kept" / "playlists", KeptPlaylist)
        self._lock = ChangeLock(workspace.home / "kept" / "playlists")

    def all(self) -> list[Listed]:
        """By name; raises RawDataError where a file is damaged."""
        listed = [Listed(identity, kept) for identity, kept in self._folder.all()]
        return sorted(listed, key=lambda one: (one.kept.name.casefold(), one.id))

    def get(self, identity: str) -> Listed:
        """One playlist.

        Raises:
            UnknownSongError: there is none with this id.
        """
        path = self._folder.file(identity)
        if path is None:
            raise UnknownSongError(f"no playlist has the id {identity[:100]!r}")
        return Listed(path.stem, self._folder.read(path))

    def add(self, kept: KeptPlaylist) -> Listed:
        """Keep a new one.

        Raises:
            SimSongError: there are too many.
        """
        with self._lock:
            if self._folder.count() >= _MOST_LISTS:
                raise SimSongError(f"there are {_MOST_LISTS} playlists already: delete some")
            return Listed(self._folder.write(None, kept), kept)

    def change(self, identity: str, **changes: Any) -> Listed:
        """Replace some fields, and date the change; raises as `get`."""
        return self.edit(identity, lambda _: changes)

    def edit(self, identity: str, changes: Callable[[KeptPlaylist], dict[str, Any]]) -> Listed:
        """Replace some fields by what they were, nobody else meanwhile; raises as `get` and as `changes`."""
        with self._lock:
            listed = self.get(identity)
            now = {"changed": now_in_words()}
            kept = KeptPlaylist.model_validate({**listed.kept.model_dump(), **changes(listed.kept), **now})
            self._folder.write(listed.id, kept)
            return Listed(listed.id, kept)

    def delete(self, identity: str) -> None:
        """Take one away; raises as `get`."""
        with self._lock:
            path = self._folder.file(self.get(identity).id)
            assert path is not None
            path.unlink()


def now_in_words() -> str:
    """The time, as files and answers have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
