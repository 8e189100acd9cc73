"""What makes up a home in an object store: of each file its size, hash, time of change, and the object of its bytes."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.errors import RawDataError


@dataclass(frozen=True)
class Held:
    """A file of a home, and the object that holds its bytes."""

    size: int
    modified_ns: int
    sha256: str
    object: str


Files = dict[str, Held]


@dataclass(frozen=True)
class Entry:
    """One line of a home's journal.

    Attributes:
        number: its place; entries are never replaced.
        kind: a command that writes has `begun`; it `ended` and changed nothing; or what it left is a `generation`.
        run: of the command, so that it knows its own entries.
        holder: who that is, for people.
        copy: the local copy that it works on.
        at: when, in UTC.
        base: number of the generation that counted before, 0 where there was none.
        goes_on: of a generation: its command will publish another.
        files: of a generation, by path relative to the home.
    """

    number: int
    kind: Literal["begun", "ended", "generation"]
    run: str
    holder: str
    copy: str
    at: str
    base: int
    goes_on: bool = False
    files: Files = field(default_factory=dict)

    @property
    def is_at_work(self) -> bool:
        """Whether its command has not ended."""
        return self.kind == "begun" or self.goes_on

    @property
    def generation(self) -> int:
        """Number of the generation that counts with this entry."""
        return self.number if self.kind == "generation" else self.base


_ENTRIES, _FILES = TypeAdapter(Entry), TypeAdapter(Files)


def written(entry: Entry) -> bytes:
    """An entry as bytes."""
    return json.dumps(asdict(entry), sort_keys=True, separators=(",", ":")).encode()


def parsed(data: bytes, name: str) -> Entry:
    """The entry in an object.

    Raises:
        RawDataError: it is damaged, or names files that do not lie below a home.
    """
    try:
        entry = _ENTRIES.validate_python(json.loads(data))
        refuse_outside(entry.files)
        return entry
    except (ValueError, ValidationError) as error:
        raise RawDataError(
            f"{name} is damaged, or of another version: restore it from the store's versions or a backup"
        ) from error


def parsed_files(content: object) -> Files:
    """Files out of decoded JSON; raises ValueError where they are none."""
    files = _FILES.validate_python(content)
    refuse_outside(files)
    return files


def refuse_outside(paths: Iterable[str]) -> None:
    """Raise ValueError for a path that leads out of the folder that it is relative to."""
    for path in paths:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path:
            raise ValueError(f"{path!r} is no path below a home")
