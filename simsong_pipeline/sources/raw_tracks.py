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


# How the reason of a line ends that costs no track.
LEFT_OUT = "left out, every track kept"


@dataclass(frozen=True)
class UnreadableFile:
    """A raw file, or a line of one, that could not be read, with the reason in words.

    Attributes:
        name: what it is listed under; by default the file's, which is the track's in the data set's trees.
    """

    path: Path
    reason: str
    name: str | None = None

    @property
    def track_id(self) -> str:
        return self.path.stem if self.name is None else self.name


@dataclass(frozen=True)
class RawTracks:
    """Rows as the source has them (columns `RAW_TRACKS` and `file`) and the files that gave none."""

    frame: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...] = ()
