"""Objects below one address. Backends are fsspec's, and credentials what these find in the environment.

What homes are built on: an object appears whole, a listing knows what was written before, and of several who create
one name at once a single one succeeds.
"""

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from simsong_pipeline.errors import RawDataError, SimSongError, StoreError, first_line, is_disk_full
from simsong_pipeline.extras import remedy
from simsong_pipeline.files import flush_to_disk
from simsong_pipeline.redaction import cause
from simsong_pipeline.remote.address import shown

# Whose fsspec backends leave it to the store whether a name is new (S3's If-None-Match, Google's generation match,
# Azure's overwrite=False).
_EXCLUSIVE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "file", "local", "memory"})
_TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_creating = threading.Lock()


def open_address(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of an address and the path in it.

    Raises:
        RawDataError: a kind of address that is not known, or whose package is not installed.
    """
    try:
        found, path = url_to_fs(url)
    except ImportError as error:
        kind = url.partition("://")[0]
        install = remedy("s3") if kind in ("s3", "s3a") else f"install it, with pip say ({first_line(error)})"
        raise RawDataError(f"{shown(url)}: {kind} needs a package that is not installed: {install}") from cause(error)
    except (ValueError, OSError) as error:
        raise RawDataError(f"{shown(url)} cannot be opened ({first_line(error)})") from cause(error)
    return found, str(path)


class ObjectStore:
    """The objects below an address, by names relative to it.

    Args:
        url: of a folder; user and password in it are used and never shown.
    """

    def __init__(self, url: str) -> None:
        self.name = shown(url).rstrip("/")
        self._fs, root = open_address(url)
        self._root = root.rstrip("/")
        protocols = self._fs.protocol
        known = {protocols} if isinstance(protocols, str) else set(protocols)
        self.is_exclusive = bool(known & _EXCLUSIVE)

    def names(self, folder: str) -> list[str]:
        """Names of all objects below a folder, in their order; as the store has them now."""
        with self._told(folder):
            self._fs.invalidate_cache()
            try:
                found = self._fs.find(self._path(folder))
            except FileNotFoundError:
                return []
        return sorted(self._relative(str(path)) for path in found)

    def read(self, name: str) -> bytes | None:
        """The bytes of an object; null where it is not there."""
        with self._told(name):
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        """Write a small object, over one of that name."""
        with self._told(name):
            self._make_folder(name)
            self._fs.pipe_file(self._path(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a small object whose name is new, whole at once; false, and nothing written, where it is taken."""
        with self._told(name):
            self._make_folder(name)
            try:
                self._create(self._path(name), data)
            except OSError as error:
                if not _is_taken(error):
                    raise
                return False
        return True

    def _create(self, path: str, data: bytes) -> None:
        if isinstance(self._fs, LocalFileSystem):
            _create_here(Path(path), data)
        elif isinstance(self._fs, MemoryFileSystem):
            with _creating:  # it looks, and then writes
                self._fs.pipe_file(path, data, mode="create")
        else:
            self._fs.pipe_file(path, data, mode="create")

    def fetch(self, name: str, to: Path) -> bool:
        """Copy an object into a local file; false where it is not there."""
        with self._told(name):
            try:
                self._fs.get_file(self._path(name), str(to))
            except FileNotFoundError:
                return False
        return True

    def put(self, path: Path, name: str) -> None:
        """Copy a local file into an object."""
        with self._told(name):
            self._make_folder(name)
            self._fs.put_file(str(path), self._path(name))
            if isinstance(self._fs, LocalFileSystem):
                flush_to_disk(Path(self._path(name)))

    def remove(self, name: str) -> None:
        """Delete an object if it is there."""
        with self._told(name):
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _make_folder(self, name: str) -> None:
        if isinstance(self._fs, LocalFileSystem):  # stores have no folders
            Path(self._path(name)).parent.mkdir(parents=True, exist_ok=True)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _relative(self, path: str) -> str:
        # Some backends give paths without a leading slash.
        return path.lstrip("/").removeprefix(self._root.lstrip("/")).lstrip("/")

    def _told(self, name: str) -> AbstractContextManager[None]:
        """Raises StoreError in place of what a backend raises."""
        return in_one_line(
            lambda said: StoreError(
                f"{self.name}/{name} cannot be reached ({said}): look at the address and the credentials in the "
                "environment, and run again"
            )
        )


@contextmanager
def in_one_line(told: Callable[[str], SimSongError], but: type[OSError] | None = None) -> Iterator[None]:
    """Turn what a backend raises, which has errors of its own, into what `told` makes of its words; not `but`."""
    try:
        yield
    except Exception as error:
        is_told = isinstance(error, SimSongError) or is_disk_full(error)
        if is_told or (but is not None and isinstance(error, but)):
            raise
        strerror: Any = getattr(error, "strerror", None)
        raise told(f"{type(error).__name__}: {strerror or first_line(error)}") from cause(error)


def _is_taken(error: OSError) -> bool:
    """Whether a name is taken, or being taken; some servers of S3's kind say so in words that s3fs does not know."""
    answer = getattr(error.__cause__, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return isinstance(error, FileExistsError) or code in _TAKEN


def _create_here(path: Path, data: bytes) -> None:
    """A link appears whole, and fails where the name is taken.

    Raises:
        FileExistsError: it is.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.link(temporary, path)
        flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
