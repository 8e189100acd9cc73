"""The local copy of a home: its files, and what is known of them since they were last looked at."""

import json
import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import read_json_object, sha256_of_file, write_bytes

# What belongs to processes of this machine, and no part of a home.
_OWN = (".lock", ".holder", ".part")
_HASHING = 4
NO_GENERATION = -1
_HOME, _STATE = "home", "state.json"


@dataclass(frozen=True)
class Seen:
    """A local file when its hash was taken; `changed_ns` is the system's own stamp, which nobody sets back."""

    size: int
    modified_ns: int
    changed_ns: int
    sha256: str


@dataclass(frozen=True)
class CopyState:
    """What is known of a local copy.

    Attributes:
        copy: its id, which no other copy has.
        address: of the home, without user and password.
        generation: that it was made equal to; -1 while that is under way, or where it is not known.
        is_ahead: a command has begun to change it, and what it left is not published.
        seen: its files, by path.
    """

    copy: str
    address: str = ""
    generation: int = NO_GENERATION
    is_ahead: bool = False
    seen: dict[str, Seen] = field(default_factory=dict)


_STATES = TypeAdapter(CopyState)


class LocalCopy:
    """A folder with a copy of a home. Whoever uses it holds its lock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / _HOME
        self.home.mkdir(parents=True, exist_ok=True)
        self.state = self._read()

    def save(self, **changes: object) -> None:
        """Change the state, and write it down."""
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        write_bytes(self.folder / _STATE, json.dumps(asdict(self.state)).encode())

    def look(self) -> dict[str, Seen]:
        """All files with their hashes; one whose size and times are as they were is not read again.

        Raises:
            RawDataError: a file's name is not UTF-8, so that no object can be named by it.
        """
        known = self.state.seen
        with ThreadPoolExecutor(_HASHING) as pool:
            found = dict(pool.map(lambda path: (path, self._seen(path, known.get(path))), list(self._paths())))
        self.save(seen=found)
        return found

    def as_seen(self, path: str) -> Seen | None:
        """What is known of a file, if that is still true."""
        known = self.state.seen.get(path)
        try:
            return known if known is not None and known == self._seen(path, known) else None
        except OSError:
            return None

    def remove(self, path: str) -> None:
        """Delete a file, and the folders that this leaves empty."""
        (self.home / path).unlink(missing_ok=True)
        for folder in (self.home / path).parents:
            if folder == self.home or any(folder.iterdir()):
                return
            folder.rmdir()

    def _read(self) -> CopyState:
        try:
            return _STATES.validate_python(read_json_object(self.folder / _STATE))
        except (OSError, ValueError, ValidationError):  # then everything is hashed, and compared
            return CopyState(uuid.uuid4().hex)

    def _paths(self) -> Iterator[str]:
        for folder, _, names in os.walk(self.home):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.home)
                if name.endswith(_OWN):
                    continue
                if not _is_text(path):
                    raise RawDataError(f"the name of {path!a} is not UTF-8, so no object can be called that: rename it")
                yield path

    def _seen(self, path: str, known: Seen | None) -> Seen:
        file = self.home / path
        stat = file.stat()
        times = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if known is not None and times == (known.size, known.modified_ns, known.changed_ns):
            return known
        return Seen(*times, sha256_of_file(file))


def home_name(home: Path) -> str:
    """What a person calls a home: the address that this folder is a local copy of, else the folder."""
    try:
        return str(read_json_object(home.parent / _STATE)["address"]) if home.name == _HOME else str(home)
    except (OSError, ValueError, KeyError):
        return str(home)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
