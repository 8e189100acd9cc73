"""What a person keeps through the service: JSON files below `kept/` in the home, each replaced as a whole."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock
from pydantic import BaseModel, ValidationError

from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.files import write_bytes

M = TypeVar("M", bound=BaseModel)
_LOOK_S = 0.005


class ChangeLock:
    """Held while what lies at a path is read and written anew, by one thread of one process of a service at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def __enter__(self) -> None:
        self._lock.acquire(poll_interval=_LOOK_S)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def read_kept(path: Path, shape: type[M]) -> M:
    """What a file says.

    Raises:
        FileNotFoundError: there is none.
        RawDataError: it is damaged.
    """
    try:
        return shape.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise
    except (ValidationError, OSError) as error:
        raise RawDataError(f"{path} is damaged ({first_line(error)}): mend it, or delete it") from error


def write_kept(path: Path, thing: BaseModel) -> None:
    """Write it as JSON, as a whole."""
    write_bytes(path, thing.model_dump_json(indent=1).encode("utf-8", "replace"))


class KeptFile(Generic[M]):
    """One file of a shape; what is not there yet is the shape's default."""

    def __init__(self, path: Path, shape: type[M]) -> None:
        self.path, self._shape = path, shape
        self._lock = ChangeLock(path)

    def read(self) -> M:
        """What is kept.

        Raises:
            RawDataError: the file is damaged.
        """
        try:
            return read_kept(self.path, self._shape)
        except FileNotFoundError:
            return self._shape()

    @contextmanager
    def changed(self) -> Iterator[list[M]]:
        """What is kept, in a list whose one element is written at the end; one change at a time."""
        with self._lock:
            held = [self.read()]
            before = held[0]
            yield held
            if held[0] != before:
                write_kept(self.path, held[0])


class KeptFolder(Generic[M]):
    """A file for each of some things, named by an id that is given to it here, never by what a request says."""

    def __init__(self, folder: Path, shape: type[M]) -> None:
        self._folder, self._shape = folder, shape

    def file(self, identity: str) -> Path | None:
        """Where a thing lies; null where nothing has that id, or it is no id."""
        try:
            name = uuid.UUID(identity).hex
        except ValueError:
            return None
        path = self._folder / f"{name}.json"
        return path if path.is_file() else None

    def all(self) -> list[tuple[str, M]]:
        """Every thing with its id; raises as `read`."""
        if not self._folder.is_dir():
            return []
        return [(path.stem, self.read(path)) for path in sorted(self._folder.glob("*.json"))]

    def read(self, path: Path) -> M:
        """What a file says; raises as `read_kept`."""
        return read_kept(path, self._shape)

    def write(self, identity: str | None, thing: M) -> str:
        """Keep a thing under its id, or under a new one; the id."""
        name = uuid.uuid4().hex if identity is None else uuid.UUID(identity).hex
        write_kept(self._folder / f"{name}.json", thing)
        return name

    def count(self) -> int:
        """How many there are."""
        return sum(1 for _ in self._folder.glob("*.json")) if self._folder.is_dir() else 0
