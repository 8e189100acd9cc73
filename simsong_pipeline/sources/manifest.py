"""Reads a manifest: a CSV of recordings with whatever is known of them, as a catalogue without MSD."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.credits import main_artist_ids
from simsong_pipeline.errors import RawDataError, first_line
from simsong_pipeline.genres import genres_of
from simsong_pipeline.sources.audio_tree import with_file_state
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS
from simsong_pipeline.years import year_of


@dataclass(frozen=True)
class Manifest:
    """Raw tracks and their recordings."""

    tracks: pl.DataFrame
    audio_files: pl.DataFrame


def read_manifest(path: Path) -> Manifest:
    """Read a CSV with a column `path` and, where known, artist, title, genre, release, year, duration_s.

    A relative path counts from the manifest's folder, or from the folder above it where that is what
    exists. A track id is made from the path as written, so it survives a move of the whole folder. Without
    an artist every file is its own artist; without a title the file name is.

    Raises:
        RawDataError: no such file, not a CSV, no `path` column, no rows, or a path that is listed twice.
    """
    rows = _read_csv(path)
    repeated = rows.filter(pl.col("path").is_duplicated())["path"].unique().sort()
    if len(repeated):
        raise RawDataError(f"{path} lists {repeated[0]!r} more than once: keep one row a recording")
    rows = rows.with_columns(
        pl.col("path").map_elements(_track_id, return_dtype=pl.String).alias("track_id"),
        pl.col("path").map_elements(lambda p: Path(p).stem, return_dtype=pl.String).alias("stem"),
    )
    return Manifest(_tracks(rows, path), _audio_files(rows, path.resolve().parent))


def _read_csv(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise RawDataError(f"no such manifest: {path}")
    try:
        rows = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise RawDataError(f"{path} is not a readable CSV file ({first_line(error)})") from error
    if "path" not in rows.columns:
        raise RawDataError(f"{path} has no column 'path'; it has {', '.join(rows.columns)}")
    rows = rows.filter(pl.col("path").is_not_null())
    if not rows.height:
        raise RawDataError(f"{path} lists no recording")
    return rows


def _track_id(path: str) -> str:
    return "MF" + hashlib.sha256(path.encode()).hexdigest()[:16].upper()


def _text(rows: pl.DataFrame, name: str) -> pl.Expr:
    """A column where the manifest has it, blank cells being null."""
    if name not in rows.columns:
        return pl.lit(None, pl.String).alias(name)
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped).alias(name)


def _tracks(rows: pl.DataFrame, path: Path) -> pl.DataFrame:
    stated = rows.select(_text(rows, "artist"), _text(rows, "title"), "track_id")
    artist = pl.coalesce(_text(rows, "artist"), pl.lit("Unknown artist of ") + pl.col("stem"))
    return rows.select(
        "track_id",
        pl.lit(None, pl.String).alias("song_id"),
        main_artist_ids(stated["artist"], stated["title"], stated["track_id"]),
        artist.alias("artist_name"),
        pl.coalesce(_text(rows, "title"), pl.col("stem")).alias("title"),
        _text(rows, "release"),
        _text(rows, "genre").map_elements(lambda text: "; ".join(genres_of([text])), pl.String),
        _text(rows, "year").map_elements(year_of, pl.Int32).fill_null(0),
        _text(rows, "duration_s").cast(pl.Float64, strict=False).alias("duration_s"),
        pl.lit(str(path)).alias("file"),
    ).cast({name: kind for name, kind in RAW_TRACKS.items()})


def _audio_files(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    resolved = [str(_resolve(Path(p), folder)) for p in rows["path"].to_list()]
    return with_file_state(rows.select("track_id").with_columns(pl.Series("path", resolved, pl.String)))


def _resolve(path: Path, folder: Path) -> Path:
    """Absolute form of a manifest's path. A missing file keeps its place under the manifest's folder."""
    candidates = (folder / path, folder.parent / path)
    return next((c for c in candidates if c.is_file()), candidates[0])
