"""What a person keeps through the service: JSON files below `kept/` in the home, each replaced as a whole."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.files import write_bytes

M = TypeVar("M", bound=BaseModel)


class KeptFile(Generic[M]):
    """One file of a shape; what is not there yet is the shape's default."""

    def __init__(self, path: Path, shape: type[M]) -> None:
        self.path, self._shape = path, shape
        self._lock = threading.Lock()

    def read(self) -> M:
        """What is kept.

        Raises:
            RawDataError: the file is damaged.
        """
        try:
            return self._shape.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return self._shape()
        except (ValidationError, OSError) as error:
            raise RawDataError(f"{self.path} is damaged ({first_line(error)}): mend it, or delete it") from error

    @contextmanager
    def changed(self) -> Iterator[list[M]]:
        """What is kept, in a list whose one element is written at the end; one change at a time."""
        with self._lock:
            held = [self.read()]
            before = held[0]
            yield held
            if held[0] != before:
                write_bytes(self.path, held[0].model_dump_json(indent=1).encode("utf-8", "replace"))


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
        """What a file says.

        Raises:
            RawDataError: it is damaged.
        """
        try:
            return self._shape.model_validate_json(path.read_bytes())
        except (ValidationError, OSError) as error:
            raise RawDataError(f"{path} is damaged ({first_line(error)}): mend it, or delete it") from error

    def write(self, identity: str | None, thing: M) -> str:
        """Keep a thing under its id, or under a new one; the id."""
        name = uuid.uuid4().hex if identity is None else uuid.UUID(identity).hex
        write_bytes(self._folder / f"{name}.json", thing.model_dump_json(indent=1).encode("utf-8", "replace"))
        return name

    def count(self) -> int:
        """How many there are."""
        return sum(1 for _ in self._folder.glob("*.json")) if self._folder.is_dir() else 0
