"""Scans a music folder; a file that did not change since the last scan is not opened again, unless that failed."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.schemas import LIBRARY_FILES, conform, polars_schema
from simsong_pipeline.sources.audio_tree import OTHER_MUSIC, SUFFIXES
from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.library.file_states import FORBIDDEN, GONE, MISNAMED, ONLY_LYRICS, PASSING, FileState
from simsong_pipeline.sources.library.lyric_files import LyricNames, find_lyric_file
from simsong_pipeline.sources.library.path_names import with_path_names
from simsong_pipeline.sources.library.readers import COMMAND, rows_on_all_cores
from simsong_pipeline.sources.music_folders import is_passed_by

# Counts up when files are read otherwise than before: then the next scan opens all of them again.
READING = 5
_name = attrgetter("name")
_STATE = ("path", "size_bytes", "modified_ns", "lyrics_ns")


@dataclass(frozen=True)
class Scan:
    """The library_files frame, how many files were opened for it, and how many known recordings moved.

    Attributes:
        passed_over: how many files of each suffix are music in a form that is not read.
    """

    frame: pl.DataFrame
    opened: int
    moved: int
    passed_over: dict[str, int]

    @property
    def unnamed(self) -> int:
        """How many usable files have no artist or no title, neither in their tags nor by their path."""
        nameless = pl.any_horizontal(pl.col("artist", "title").is_null())
        return self.frame.filter((pl.col("status") == "ok") & nameless).height


@dataclass(frozen=True)
class Walked:
    """What a look through a folder found: recordings, and how many files of each suffix are in a form not read."""

    states: list[FileState]
    passed_over: dict[str, int]


def walk_library(root: Path) -> Walked:
    """Look through the folder; nothing is opened.

    Raises:
        RawDataError: `root` is not a folder.
    """
    if not root.is_dir():
        raise RawDataError(f"no such music folder: {root}")
    walk = _Walk()
    states = list(walk.states(str(root.absolute())))
    return Walked(states, dict(sorted(walk.passed_over.items())))


def scan_library(root: Path, previous: pl.DataFrame | None, progress: Progress, walked: Walked | None = None) -> Scan:
    """Every recording below `root`, one row a file, by path; symbolic links are followed, each file once.

    Args:
        previous: the frame of the last scan.
        walked: what a look through the folder found just now.

    Raises:
        RawDataError: `root` is not a folder.
    """
    found = walked or walk_library(root)
    return replace(open_files(found.states, previous, progress, root=root), passed_over=found.passed_over)


def open_files(
    states: list[FileState],
    previous: pl.DataFrame | None,
    progress: Progress,
    only_lyrics: bool = False,
    root: Path | None = None,
) -> Scan:
    """A row for each file; one that did not change since the last time is not opened, unless that failed.

    Args:
        only_lyrics: rows without a track id, for which the audio is not read.
        root: of a library, below which paths name songs without tags; null where a list names them.
    """
    schema = {**{n: pl.Int64 for n in _STATE}, "path": pl.String}
    found = pl.DataFrame(states, schema=schema, orient="row")
    known = pl.DataFrame() if previous is None else _still_known(previous, found)
    todo = found if previous is None else found.join(known, on="path", how="anti")
    opened = _opened(todo, progress, only_lyrics)
    if root is not None:
        opened = with_path_names(opened, root, found["path"].to_list())
    frame = pl.concat([known, opened]) if known.height else opened
    return Scan(conform(frame.sort("path"), LIBRARY_FILES), opened.height, _moved(previous, opened), {})


def state_of(path: Path) -> FileState:
    """The state of a file that a list names."""
    try:
        stat = path.stat()
    except OSError:
        return str(path), GONE, -1, 0
    return str(path), stat.st_size, stat.st_mtime_ns, _changed_ns(find_lyric_file(path))


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
        self.passed_over: Counter[str] = Counter()

    def states(self, folder: str) -> Iterator[FileState]:
        """The states of all recordings below, in the order of their names; what is passed by is left out."""
        try:
            with os.scandir(folder) as found:
                entries = sorted((e for e in found if not is_passed_by(e.name)), key=_name)
        except OSError:
            yield _named(folder), FORBIDDEN, -1, 0
            return
        beside = LyricNames(e.name for e in entries)
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()
            if suffix in SUFFIXES and not _is_folder(entry):
                if (state := self._file(entry, beside)) is not None:
                    yield state
            elif suffix in OTHER_MUSIC and not _is_folder(entry):
                self.passed_over[suffix] += 1
        for entry in entries:
            if _is_folder(entry) and self._is_new(entry.stat()):
                yield from self.states(entry.path)

    def _is_new(self, stat: os.stat_result) -> bool:
        key = (stat.st_dev, stat.st_ino)
        first = key not in self._seen
        self._seen.add(key)
        return first

    def _file(self, entry: os.DirEntry[str], beside: LyricNames) -> FileState | None:
        """Null for a file that was seen before."""
        name = _named(entry.path)
        if name != entry.path:
            return name, MISNAMED, -1, 0
        try:
            stat = entry.stat()
        except OSError:
            return name, GONE, -1, 0
        return (name, stat.st_size, stat.st_mtime_ns, _lyrics_ns(entry, beside)) if self._is_new(stat) else None


def _named(path: str) -> str:
    """The path as text; bytes that are no UTF-8 are written as \\xNN, for a frame can hold no other."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", errors="backslashreplace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False for a link that leads to itself as well."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _lyrics_ns(entry: os.DirEntry[str], beside: LyricNames) -> int:
    """Time of change of the lyrics file of a recording; 0 where there is none."""
    name = beside.of(entry.name)
    return 0 if name is None else _changed_ns(Path(entry.path).with_name(name))


def _changed_ns(path: Path | None) -> int:
    try:
        return 0 if path is None else path.stat().st_mtime_ns
    except OSError:
        return 0


def _opened(todo: pl.DataFrame, progress: Progress, only_lyrics: bool) -> pl.DataFrame:
    """Never in this process, not even a single file: one that brings its process down would end the scan."""
    rows = []
    states = todo.rows()
    asked = rows_on_all_cores(states, command=(*COMMAND, ONLY_LYRICS)) if only_lyrics else rows_on_all_cores(states)
    with closing(asked) as answers:
        for row in answers:
            rows.append(row)
            progress(len(rows), todo.height)
    schema = {name: kind for name, kind in polars_schema(LIBRARY_FILES, 1).items() if name != "reading"}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.lit(READING, pl.Int32).alias("reading"))
