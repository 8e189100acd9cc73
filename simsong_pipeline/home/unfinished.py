"""What killed processes left half written below a home."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

_UNFINISHED = timedelta(hours=1)
_NAMES = ".*.part"


def clear_unfinished(home: Path, raw: Path, now: datetime) -> None:
    """Delete what was being written; young files may be another process's, which is not done yet.

    Raw data is a person's: nothing below `raw` is looked at. A sample that is drawn stands beside it until it is whole.
    """
    folders = (folder for folder in home.iterdir() if folder.is_dir() and not folder.is_symlink() and folder != raw)
    for path in chain(home.glob(_NAMES), *(folder.rglob(_NAMES) for folder in folders)):
        with suppress(FileNotFoundError):  # its process has finished it meanwhile
            if _last_written(path) < (now - _UNFINISHED).timestamp():
                _delete(path)


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _last_written(path: Path) -> float:
    """Of a folder: of anything in it, since a process may write deep inside for long."""
    return max(p.stat().st_mtime for p in chain([path], _below(path)))


def _below(path: Path) -> Iterator[Path]:
    for folder, _, files in os.walk(path):
        yield from (Path(folder) / name for name in files)
