"""Where a service keeps its copies: a folder of its own below the home, which the next service clears away."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

_LOCK = ".lock"


@contextmanager
def serving_folder(below: Path) -> Iterator[Path]:
    """An empty folder while the block lasts; those that killed services left are deleted.

    Args:
        below: what holds the folders of all services over one home.
    """
    below.mkdir(parents=True, exist_ok=True)
    for folder in below.iterdir():
        _clear(folder)
    own = below / uuid.uuid4().hex
    own.mkdir()
    with FileLock(own / _LOCK, thread_local=False):
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Delete a folder that no process holds; one without a lock yet is being made just now."""
    if not (folder / _LOCK).is_file():
        return
    try:
        with FileLock(folder / _LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        return
