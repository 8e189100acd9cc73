"""Room on the disk of an embedded index, asked for before anything is written.

A disk that fills up in the midst of it is worse than an error: Qdrant's engine dies of a signal (SIGBUS) without a
word, and qdrant-client's own mode leaves half a list of collections.
"""

import shutil
from pathlib import Path

from simsong_pipeline.errors import DiskFullError


def ask_for_room(folder: Path, size: int) -> None:
    """Refuse to write `size` bytes below a folder whose disk has not got them free.

    Raises:
        DiskFullError: naming both numbers.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DiskFullError(
            f"{free / 1e6:,.0f} MB are free below {folder} and {size / 1e6:,.0f} MB are needed: make room, and run the "
            "same command again; what was done before is kept"
        )


def size_on_disk(folder: Path) -> int:
    """Bytes that the files below a folder take up, in blocks: the engine's files are mostly holes."""
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())
