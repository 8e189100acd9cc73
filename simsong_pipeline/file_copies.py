"""Copies of files that take no more room than the file itself: by the file system's own means, else without its holes.

An engine's files are mostly holes: copied as they read, they take a hundred times the room and the time.
"""

import os
import shutil
import sys
from pathlib import Path

# FICLONE of Linux: both files share their blocks until one of them is written to.
_CLONE = 0x40049409


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder with everything in it; links are followed.

    Raises:
        OSError: a file cannot be read, or there is no room.
    """
    shutil.copytree(source, target, copy_function=copy_file)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file's bytes; a target that was there is replaced."""
    with open(source, "rb") as read, open(target, "wb") as written:
        if not _cloned(read.fileno(), written.fileno()):
            _copy_data(read.fileno(), written.fileno())


def _cloned(source: int, target: int) -> bool:
    """Whether the file system shares the blocks; most do not."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, _CLONE, source)
    except OSError:
        return False
    return True


def _copy_data(source: int, target: int) -> None:
    """Parts with data alone; what lies between is a hole in the target as well."""
    size, at = os.fstat(source).st_size, 0
    while at < size:
        begin = _next(source, at, os.SEEK_DATA, size)
        end = _next(source, begin, os.SEEK_HOLE, size) if begin < size else size
        _copy_part(source, target, begin, end)
        at = end
    os.ftruncate(target, size)


def _next(file: int, at: int, kind: int, size: int) -> int:
    """Where the next data or hole begins; the size where there is none."""
    try:
        return os.lseek(file, at, kind)
    except OSError:
        return size


def _copy_part(source: int, target: int, begin: int, end: int) -> None:
    os.lseek(target, begin, os.SEEK_SET)
    while begin < end:
        block = os.pread(source, min(end - begin, 1 << 20), begin)
        if not block:  # it became shorter meanwhile
            return
        os.write(target, block)
        begin += len(block)
