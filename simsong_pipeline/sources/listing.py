"""What lies where raw data are read from: paths with size and time of change. Nothing is opened for it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from simsong_pipeline.sources.library.file_states import FileState
from simsong_pipeline.sources.music_folders import is_passed_by

_SCHEMA = {"path": pl.String, "size_bytes": pl.Int64, "modified_ns": pl.Int64, "lyrics_ns": pl.Int64}


def listing(states: Iterable[FileState]) -> pl.DataFrame:
    """The states as a frame, by path."""
    return pl.DataFrame(list(states), schema=_SCHEMA, orient="row").sort("path")


def tree_states(root: Path) -> Iterator[FileState]:
    """The state of every file below `root` that is not hidden; links to folders are not followed.

    A folder that may not be listed has none.
    """
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not is_passed_by(name)]
        for name in names:
            if not is_passed_by(name):
                yield plain_state(os.path.join(folder, name))


def plain_state(path: str) -> FileState:
    """The state of one file, whatever it is."""
    try:
        stat = os.stat(path)
    except OSError:
        stat = None
    name = os.fsencode(path).decode("utf-8", errors="backslashreplace")
    return (name, -1, -1, 0) if stat is None else (name, stat.st_size, stat.st_mtime_ns, 0)
