"""Two folders that change places: at once where the system can, else one after the other."""

import ctypes
import errno
import os
import sys
from pathlib import Path

from simsong_pipeline.files import flush_to_disk

_HERE, _EXCHANGE = -100, 2
# The file system, or the system, cannot.
_CANNOT = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})


def exchange(one: Path, other: Path) -> None:
    """Let two folders beside each other take each other's name.

    Raises:
        OSError: a name is gone, or no folder of this file system; both are as they were.
    """
    if not _exchanged_at_once(one, other):
        aside = aside_of(other)
        os.rename(other, aside)
        os.rename(one, other)
        os.rename(aside, one)
    flush_to_disk(other.parent)


def aside_of(folder: Path) -> Path:
    """Where a folder lies for a moment that cannot be exchanged at once."""
    return folder.with_name(f".{folder.name}.aside")


def _exchanged_at_once(one: Path, other: Path) -> bool:
    """By Linux's renameat2; false where there is none."""
    if sys.platform != "linux":
        return False
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
