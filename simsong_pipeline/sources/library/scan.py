"""Scans a music folder; a file that did not change since the last scan is not opened again, unless that failed."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import LIBRARY_FILES, conform, polars_schema
from simsong_pipeline.sources.audio_tree import SUFFIXES
from simsong_pipeline.sources.library.lyric_files import LYRIC_SUFFIXES, find_lyric_file
from simsong_pipeline.sources.library.path_names import with_path_names
from simsong_pipeline.sources.library.readers import rows_on_all_cores
from simsong_pipeline.sources.library.recording import FORBIDDEN, GONE, MISNAMED, PASSING, FileState

Progress = Callable[[int, int], None]
# Counts up when files are read otherwise than before: then the next scan opens all of them again.
READING = 2
_STATE = ("path", "size_bytes", "modified_ns", "lyrics_ns")


@dataclass(frozen=True)
class Scan:
    """The library_files frame, how many files were opened for it, and how many known recordings moved."""

    frame: pl.DataFrame
    opened: int
    moved: int


def scan_library(root: Path, previous: pl.DataFrame | None, progress: Progress) -> Scan:
    """Every recording below `root`, one row a file, by path; symbolic links are followed, each file once.

    Args:
        previous: the frame of the last scan.

    Raises:
        RawDataError: `root` is not a folder.
    """
    if not root.is_dir():
        raise RawDataError(f"no such music folder: {root}")
    found = pl.DataFrame(
        list(_Walk().states(str(root.absolute()))),
        schema={**{n: pl.Int64 for n in _STATE}, "path": pl.String},
        orient="row",
    )
    known = pl.DataFrame() if previous is None else _still_known(previous, found)
    todo = found if previous is None else found.join(known, on="path", how="anti")
    opened = with_path_names(_opened(todo, progress), root, found["path"].to_list())
    frame = pl.concat([known, opened]) if known.height else opened
    return Scan(conform(frame.sort("path"), LIBRARY_FILES), opened.height, _moved(previous, opened))


def _still_known(previous: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    passing = pl.any_horizontal([pl.col("reason").str.starts_with(begin) for begin in PASSING]).fill_null(value=False)
    return previous.filter(~passing & (pl.col("reading") == READING)).join(found, on=_STATE, how="semi")


def _moved(previous: pl.DataFrame | None, opened: pl.DataFrame) -> int:
    """Recordings that were known under another path."""
    if previous is None:
        return 0
    before = previous.drop_nulls("track_id").select("track_id", "path")
    again = opened.drop_nulls("track_id").join(before, on="track_id", suffix="_before")
    return again.filter(pl.col("path") != pl.col("path_before"))["track_id"].n_unique()


class _Walk:
    """Goes through a folder once: one look at each folder, one at each recording and at the lyrics beside it."""

    def __init__(self) -> None:
        # Device and number of what was seen: a folder or file that links lead to twice is seen once.
        self._seen: set[tuple[int, int]] = set()

    def states(self, folder: str) -> Iterator[FileState]:
        """The states of all recordings below, in the order of their names; hidden files and folders left out."""
        try:
            with os.scandir(folder) as found:
                entries = sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
        except OSError:
            yield _named(folder), FORBIDDEN, -1, 0
            return
        beside = {e.name for e in entries if e.name.lower().endswith(LYRIC_SUFFIXES)}
        for entry in entries:
            if os.path.splitext(entry.name)[1].lower() in SUFFIXES and not _is_folder(entry):
                yield from self._file(entry, beside)
        for entry in entries:
            if _is_folder(entry) and self._is_new(entry.stat()):
                yield from self.states(entry.path)

    def _is_new(self, stat: os.stat_result) -> bool:
        key = (stat.st_dev, stat.st_ino)
        first = key not in self._seen
        self._seen.add(key)
        return first

    def _file(self, entry: os.DirEntry[str], beside: set[str]) -> Iterator[FileState]:
        name = _named(entry.path)
        if name != entry.path:
            yield name, MISNAMED, -1, 0
            return
        try:
            stat = entry.stat()
        except OSError:
            yield name, GONE, -1, 0
            return
        if self._is_new(stat):
            yield name, stat.st_size, stat.st_mtime_ns, _lyrics_ns(entry, beside)


def _named(path: str) -> str:
    """The path as text; bytes that are no UTF-8 are written as \\xNN, for a frame can hold no other."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False for a link that leads to itself as well."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _lyrics_ns(entry: os.DirEntry[str], beside: set[str]) -> int:
    """Time of change of the lyrics file of a recording; 0 where there is none."""
    stem = os.path.splitext(entry.name)[0]
    if not any(f"{stem}{spelled}" in beside for suffix in LYRIC_SUFFIXES for spelled in (suffix, suffix.upper())):
        return 0
    path = find_lyric_file(Path(entry.path))
    try:
        return 0 if path is None else path.stat().st_mtime_ns
    except OSError:
        return 0


def _opened(todo: pl.DataFrame, progress: Progress) -> pl.DataFrame:
    """Never in this process, not even a single file: one that brings its process down would end the scan."""
    rows = []
    with closing(rows_on_all_cores(todo.rows())) as answers:
        for row in answers:
            rows.append(row)
            progress(len(rows), todo.height)
    schema = {name: kind for name, kind in polars_schema(LIBRARY_FILES, 1).items() if name != "reading"}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit(READING, pl.Int32).alias("reading"))
