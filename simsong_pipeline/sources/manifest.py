"""Reads a manifest: a CSV of recordings with whatever is known of them, as a catalogue without MSD."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.artist_ids import main_artist_ids
from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.genres import genres_of
from simsong_pipeline.remote.address import is_url, without_user
from simsong_pipeline.remote.objects_read import content_of, refuse_credentials
from simsong_pipeline.sources.audio_tree import with_file_state
from simsong_pipeline.sources.counting import Progress, counted
from simsong_pipeline.sources.encodings import lines_of, readings
from simsong_pipeline.sources.limits import LIST_BYTES, bounded_bytes
from simsong_pipeline.sources.places import Places
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS, UnreadableFile
from simsong_pipeline.sources.separated import Table, parse_table
from simsong_pipeline.years import year_of


@dataclass(frozen=True)
class Manifest:
    """Raw tracks and their recordings.

    Attributes:
        lyrics: track_id, path of the recording, lyrics and lyrics_path as the manifest has them, or null.
        unreadable: lines that are no row.
        places: what its entries mean.
    """

    tracks: pl.DataFrame
    audio_files: pl.DataFrame
    lyrics: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...]
    places: Places


def read_manifest(path: Path | str, progress: Progress = lambda *_: None) -> Manifest:
    """Read a CSV with a column `path` and, where known, artist, title, genre, release, year, duration_s.

    In any encoding, with whatever separator its header has. A relative path counts from the manifest's folder, or from
    the folder above it where that is what exists; one that is not there as written is looked for as playlists' entries
    are (`path_spelling`). Of a manifest at an address it counts from its folder there; addresses stand for themselves.
    A track id is made from the path as written, so it survives a move of the whole folder.
    Without an artist every file is its own artist; without a title the file name is. Words of a song may be in a
    column `lyrics`, or in the file that a column `lyrics_path` names.

    Raises:
        RawDataError: no such file, not a CSV, no `path` column, no rows, or a file that is listed twice.
    """
    places = Places(path)
    rows, malformed = _read_csv(path, places, progress)
    _refuse_repeated(rows, path)
    rows = rows.with_columns(
        pl.col("path").map_elements(_track_id, return_dtype=pl.String).alias("track_id"),
        pl.col("file").map_elements(lambda p: Path(p).stem, return_dtype=pl.String).alias("stem"),
    )
    lyrics = rows.select("track_id", pl.col("file").alias("path"), _text(rows, "lyrics"), _text(rows, "lyrics_path"))
    files = with_file_state(rows.select("track_id", pl.col("file").alias("path")))
    return Manifest(_tracks(rows, path), files, lyrics, malformed, places)


def _read_csv(path: Path | str, places: Places, progress: Progress) -> tuple[pl.DataFrame, tuple[UnreadableFile, ...]]:
    """Columns of the manifest as text, its line numbers (`line`) and each recording's own path (`file`)."""
    content = _content(path)
    if not content.strip() or b"\0\0\0" in content[:4_000]:
        kind = "it is no text: a workbook is to be saved as CSV" if content.strip() else "it is empty"
        raise RawDataError(f"{path} is not a readable CSV file ({kind})")
    name = str(path).rpartition("/")[2]
    best, most = None, -1
    for text in readings(content):
        table = _located(parse_table(text, "path"), path, places, progress)
        there = table.frame["there"].to_list().count(True)
        if there > most:
            best, most = table, there
        if there == table.frame.height:
            break
    assert best is not None
    if not best.frame.height:
        raise RawDataError(f"{path} lists no recording")
    unreadable = (UnreadableFile(path, f"{path}, line {n}: {why}", f"{name}:{n}") for n, why in best.malformed)
    return best.frame, tuple(unreadable)


def _content(path: Path | str) -> bytes:
    """Raises RawDataError: there is no such manifest, or it cannot be read."""
    try:
        if isinstance(path, str):
            refuse_credentials(path)
            return content_of(path, LIST_BYTES)
        if not path.is_file():
            raise FileNotFoundError
        return bounded_bytes(path, LIST_BYTES)
    except FileNotFoundError as error:
        raise RawDataError(f"no such manifest: {path}") from error
    except ValueError as error:
        raise RawDataError(f"manifest {path} cannot be read ({error})") from error
    except OSError as error:
        raise RawDataError(f"manifest {path} cannot be read ({error.strerror or first_line(error)})") from error


@dataclass(frozen=True)
class _Located:
    frame: pl.DataFrame
    malformed: list[tuple[int, str]]


def _located(table: Table, path: Path | str, places: Places, progress: Progress) -> _Located:
    """The rows that name a file, with where it is, or should be."""
    if "path" not in table.columns:
        found = ", ".join(table.columns)
        raise RawDataError(f"{path} has no column 'path'; it has {found[:200]}")
    at = table.columns.index("path")
    malformed, records = list(table.malformed), []
    for number, cells in counted(table.rows, progress):
        written = cells[at]
        if not written or len(lines_of(written)) > 1:
            malformed.append((number, "its path holds a line break" if written else "no path"))
            continue
        if is_url(written) and "@" in written.partition("://")[2].partition("/")[0]:
            without_user(written)
            malformed.append((number, "its address holds a user or password: give them by the environment"))
            continue
        file = places.find(written)
        records.append((*cells, number, places.expected(written) if file is None else file, file is not None))
    names = _unique(table.columns)
    schema = {**dict.fromkeys(names, pl.String), "line": pl.Int64, "file": pl.String, "there": pl.Boolean}
    return _Located(pl.DataFrame(records, schema=schema, orient="row"), sorted(malformed))


def _unique(columns: list[str]) -> list[str]:
    """Of columns of one name the first keeps it, as do the names that are added here."""
    taken: set[str] = {"line", "file", "there"}
    names = []
    for number, name in enumerate(columns):
        names.append(f"{name}, column {number + 1}" if name in taken else name)
        taken.add(name)
    return names


def _refuse_repeated(rows: pl.DataFrame, path: Path | str) -> None:
    first: dict[object, tuple[str, int]] = {}
    for written, line, file in rows.select("path", "line", "file").rows():
        before = first.setdefault(_same_file(file), (written, line))
        if before[1] != line:
            raise RawDataError(
                f"{path} lists {before[0]!r} more than once: in line {before[1]}, and as {written!r} in line {line}. "
                "Keep one row a recording"
            )


def _same_file(file: str) -> object:
    """Equal for two spellings of one file, and for links to it."""
    try:
        stat = os.stat(file)
    except (OSError, ValueError):
        return os.path.normpath(file)
    return (stat.st_dev, stat.st_ino)


def _track_id(path: str) -> str:
    return "MF" + hashlib.sha256(path.encode()).hexdigest()[:16].upper()


def _text(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A column where the manifest has it, blank cells being null."""
    if name not in rows.columns:
        return pl.lit(None, pl.String).alias(name)
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(name)


def _tracks(rows: pl.DataFrame, path: Path | str) -> pl.DataFrame:
    stated = rows.select(_text(rows, "artist"), "track_id")
    artist = pl.coalesce(_text(rows, "artist"), pl.lit("Unknown artist of ") + pl.col("stem"))
    return rows.select(
        "track_id",
        pl.lit(None, pl.String).alias("song_id"),
        main_artist_ids(stated["artist"], stated["track_id"]),
        artist.alias("artist_name"),
        pl.coalesce(_text(rows, "title"), pl.col("stem")).alias("title"),
        _text(rows, "release"),
        _text(rows, "genre").map_elements(lambda text: "; ".join(genres_of([text])), pl.String),
        _text(rows, "year").map_elements(year_of, pl.Int32).fill_null(0),
        _text(rows, "duration_s").cast(pl.Float64, strict=False).alias("duration_s"),
        pl.lit(str(path)).alias("file"),
    ).cast({name: kind for name, kind in RAW_TRACKS.items()})
