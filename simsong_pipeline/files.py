"""Files that are either whole or absent: temporary name, fsync, rename.

Paths go through `UPath`, so a bucket works as well as a folder: there a rename is a copy made by the
store, and an upload is atomic by itself.
"""

import hashlib
import json
import math
import os
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from json.encoder import encode_basestring
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from simsong_pipeline.errors import DiskFullError, is_disk_full

if TYPE_CHECKING:
    # A tenth of a second, which each process that opens music files would pay.
    from upath import UPath

AnyPath: TypeAlias = "Path | UPath"
_PAGE = 4_096
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def write_atomically(path: AnyPath, write: Callable[[IO[bytes]], Any]) -> None:
    """Call `write` with an open binary file and let its bytes appear under `path` only when complete.

    Raises:
        DiskFullError: there is no room for it; what was under `path` is as it was.
    """
    with disk_room(path):
        _write_atomically(path, write)


@contextmanager
def disk_room(path: AnyPath) -> Iterator[None]:
    """Turn whatever a library raises when it has no room for `path` into one line that says so.

    Raises:
        DiskFullError: in place of that error.
    """
    try:
        yield
    except DiskFullError:
        raise
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise DiskFullError(
            f"there is no room on the disk for {path}: make room and run the same command again; what was done before "
            "is kept"
        ) from error


def _write_atomically(path: AnyPath, write: Callable[[IO[bytes]], Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as handle:
            try:
                write(handle)
                handle.flush()
            except Exception:
                _try_room(handle)
                raise
            if isinstance(path, Path):
                os.fsync(handle.fileno())
        if isinstance(path, Path) and isinstance(temporary, Path):
            os.replace(temporary, path)
            flush_to_disk(path.parent)
        else:
            temporary.rename(str(path))
    finally:
        temporary.unlink(missing_ok=True)


def _try_room(handle: IO[bytes]) -> None:
    """Write a page more: a library may not say that there was no room for its own.

    Raises:
        OSError: there is none.
    """
    try:
        handle.seek(0, os.SEEK_END)
    except (OSError, ValueError):  # closed, or a bucket's
        return
    handle.write(bytes(_PAGE))
    handle.flush()


def flush_to_disk(path: Path) -> None:
    """Make a file, or the renames inside a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: AnyPath, data: bytes) -> None:
    """Write `data` atomically."""
    write_atomically(path, lambda handle: handle.write(data))


def write_json(path: AnyPath, value: object) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_bytes(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode())


def write_with_sum(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """`write_atomically`, with the checksum of the bytes in a file beside it for `is_as_written`.

    That file comes first and holds the checksum of what is there as well, so that both are right at any moment.
    """
    before = f"{crc32_of_file(path):08x}\n" if path.is_file() and is_as_written(path) else ""
    found = 0

    def tell(handle: IO[bytes]) -> None:
        nonlocal found
        write(handle)
        handle.flush()
        found = crc32_of_file(Path(handle.name))
        write_bytes(sum_of(path), f"{before}{found:08x}\n".encode())

    write_atomically(path, tell)


def is_as_written(path: Path) -> bool:
    """Whether the bytes of `path` are those that `write_with_sum` wrote; true where no checksum is beside it."""
    beside = sum_of(path)
    if not beside.is_file():
        return True
    return f"{crc32_of_file(path):08x}" in beside.read_text(encoding="ascii", errors="replace").split()


def sum_of(path: Path) -> Path:
    """Where the checksum of `write_with_sum` is kept."""
    return path.with_name(f"{path.name}.crc32")


def crc32_of_file(path: Path) -> int:
    """CRC-32 of the bytes of `path`: more than a gigabyte a second, against chance and not against intent."""
    value = 0
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def read_json_object(path: AnyPath) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ValueError: not UTF-8, not JSON, nested without end, a number beyond all bounds, or no object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__} in place of an object")
    return content


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits} is no number that can be kept")
    return number


def read_through(path: Path) -> None:
    """Raise the drive's own error where it keeps part of a file back; FFmpeg calls some such files damaged.

    Raises:
        OSError: the file cannot be read to its end.
    """
    with path.open("rb") as handle:
        while handle.read(1 << 20):
            pass


def sha256_of_file(path: AnyPath) -> str:
    """Hex SHA-256 of the bytes of `path`."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sha256_of(*parts: object) -> str:
    """Hex SHA-256 of the JSON form of `parts`; the same values give the same hash on every machine."""
    return hashlib.sha256(_CANONICAL.encode(parts).encode()).hexdigest()


def sha256_of_rows(first: object, rows: Iterable[Sequence[str | None]]) -> list[str]:
    """`sha256_of(first, *row)` of each row, in a sixth of the time: of a whole catalogue each night."""
    begun = hashlib.sha256(f"[{_CANONICAL.encode(first)}".encode())
    hashes = []
    for row in rows:
        digest = begun.copy()
        texts = ["null" if value is None else encode_basestring(value) for value in row]
        digest.update(f",{','.join(texts)}]".encode())
        hashes.append(digest.hexdigest())
    return hashes
