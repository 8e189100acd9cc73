"""Files that are either whole or absent: temporary name, fsync, rename.

Paths go through `UPath`, so a bucket works as well as a folder: there a rename is a copy made by the
store, and an upload is atomic by itself.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from upath import UPath

AnyPath = Path | UPath


def write_atomically(path: AnyPath, write: Callable[[IO[bytes]], Any]) -> None:
    """Call `write` with an open binary file and let its bytes appear under `path` only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("wb") as handle:
            write(handle)
            handle.flush()
            if isinstance(path, Path):
                os.fsync(handle.fileno())
        if isinstance(path, Path) and isinstance(temporary, Path):
            os.replace(temporary, path)
            _sync_folder(path.parent)
        else:
            temporary.rename(str(path))
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
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
    encoded = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(encoded.encode()).hexdigest()
