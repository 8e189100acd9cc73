"""What a path says of a recording without tags: "Artist - Title", or Artist/Album/01 Title."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import polars as pl

from simsong_pipeline.credits import first_known

# A number that is surely a track's. Not "311 - Down", whose number has three digits.
_SURE = re.compile(
    r"""^\s*(?:
        \d{1,2}[-.]\d{2}(?!\d)\s*[-.)_\]]?   # 1-03 Sea, with a disc's before it
        |0\d{1,2}[A-Za-z](?=[\s.-])[-.]?          # 03b Sea
        |0\d{0,2}(?!\d)\s*[-–—.)_\]]?           # 03 Sea
        |[\[(]\d{1,3}[\])]                    # [3] Sea
        |\d{1,3}\s*[.)_\]](?!\d)              # 3. Sea, 3. 1979
        |\d{1,2}\s+[-–—](?=\s)               # 3 - Sea
    )\s*(?=\S)""",
    re.VERBOSE,
)
# One that may belong to a name: "50 Cent", "7 Years", "311 - Down".
_UNSURE = re.compile(r"^\s*(\d{1,3})(?:\s*[-–—.)_\]]\s*|\s+)(?=\S)")
# A side of a record before it: "A1 Sea".
_SIDE = re.compile(r"^\s*([A-H]\d{1,2})(?:\s*[-–—.)_\]]\s*|\s+)(?=\S)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*(\d{1,3})(?!\d)")
_DASH = re.compile(r"\s+[-–—]\s+")
_DISC = re.compile(r"^(?:cd|disc|disk)\s*\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class PathNames:
    """Null where the path does not say. The title is the file's name at least."""

    artist: str | None
    release: str | None
    title: str


def named_by_path(path: PurePath, numbered: bool = False) -> PathNames:
    """Read a path as people arrange their music.

    "Artist - Title" in the file's name is taken at its word. Otherwise a name that begins with a track number lies in
    an album's folder, and that in the artist's; a folder "CD 1" between them is passed over.

    Args:
        path: below the library's root; what lies above says nothing of the song.
        numbered: the files beside it begin with their track numbers, so that any number is one.
    """
    number = _SURE.match(path.stem) or (_counted(path.stem) if numbered else None)
    stem = path.stem[number.end() :] if number else path.stem
    parts = [part.strip() for part in _DASH.split(stem)]
    if len(parts) >= 2 and all(parts):
        return PathNames(parts[0], None, parts[-1])
    folders = [name for name in path.parts[:-1] if not _DISC.match(name)]
    if number and len(folders) >= 2:
        return PathNames(folders[-2], folders[-1], stem.strip())
    return PathNames(None, None, stem.strip())


def _counted(stem: str) -> re.Match[str] | None:
    return _UNSURE.match(stem) or _SIDE.match(stem)


def is_numbered(names: Iterable[str]) -> bool:
    """Whether files of one folder begin with track numbers: nearly all do, from 1 on, with few left out.

    A folder with "50 Cent - …", "311 - …" and "3 Doors Down - …" alone is not numbered.
    """
    stems = [os.path.splitext(name)[0] for name in names]
    numbers = [int(match[1]) for stem in stems if (match := _NUMBER.match(stem))]
    sides = [match[1].upper() for stem in stems if (match := _SIDE.match(stem))]
    if "A1" in sides and 2 <= len(sides) >= 0.8 * len(stems):
        return True
    if len(numbers) < 2 or len(numbers) < 0.8 * len(stems):
        return False
    # 101 and 201 are the first of two discs.
    tracks = {number % 100 if number > 100 else number for number in numbers}
    return 1 in tracks and max(tracks) <= 2 * len({*numbers})


def with_path_names(files: pl.DataFrame, root: Path, paths: Sequence[str]) -> pl.DataFrame:
    """Rows of the library_files frame with what the tags leave open named by the path.

    Args:
        root: the library.
        paths: of all recordings of the library, the neighbours of these.
    """
    numbered = _numbered_folders(files.filter(pl.col("status") == "ok")["path"].to_list(), paths)
    rows = [
        _named(PurePath(path), root.absolute(), numbered[_folder(path)], tags) if status == "ok" else tags
        for path, status, *tags in files.select("path", "status", "artist", "title", "release").rows()
    ]
    schema = {name: pl.String for name in ("artist", "title", "release")}
    return files.with_columns(pl.DataFrame(rows, schema=schema, orient="row").get_columns())


def _numbered_folders(opened: Sequence[str], paths: Sequence[str]) -> dict[str, bool]:
    """Of the folders of opened files, whether their recordings begin with track numbers."""
    beside: dict[str, list[str]] = {_folder(path): [] for path in opened}
    if beside:
        for path in paths:
            folder, _, name = path.rpartition("/")
            if folder in beside:
                beside[folder].append(name)
    return {folder: is_numbered(names) for folder, names in beside.items()}


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _named(path: PurePath, root: Path, numbered: bool, tags: Sequence[str | None]) -> list[str | None]:
    artist, title, release = tags
    named = named_by_path(path.relative_to(root), numbered)
    return [first_known(artist, named.artist), title or named.title, release or named.release]
