"""What every reader of tracks returns, before the catalogue judges it."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

RAW_TRACKS: dict[str, type[pl.DataType]] = {
    "track_id": pl.String,
    "song_id": pl.String,
    "artist_id": pl.String,
    "artist_name": pl.String,
    "title": pl.String,
    "release": pl.String,
    "genre": pl.String,
    "year": pl.Int32,
    "duration_s": pl.Float64,
}


@dataclass(frozen=True)
class UnreadableFile:
    """A raw file that could not be read, with the reason in words."""

    path: Path
    reason: str


@dataclass(frozen=True)
class RawTracks:
    """Rows as the source has them (columns `RAW_TRACKS` and `file`) and the files that gave none."""

    frame: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...] = ()
