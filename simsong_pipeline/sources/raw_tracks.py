"""What every reader of tracks returns, before the catalogue judges it."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from simsong_pipeline.sources.limits import CUT, NAME_CHARACTERS

_NAMES = ("artist_name", "title", "release", "genre")
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

    path: Path | str
    reason: str
    name: str | None = None

    @property
    def track_id(self) -> str:
        return Path(self.path).stem if self.name is None else self.name


@dataclass(frozen=True)
class RawTracks:
    """Rows as the source has them (columns `RAW_TRACKS` and `file`) and the files that gave none."""

    frame: pl.DataFrame
    unreadable: tuple[UnreadableFile, ...] = ()


def with_unreadable(raw: RawTracks) -> pl.DataFrame:
    """The rows, and one for each file that gave none, with its reason; names of the length that one may have."""
    rows = [(u.track_id, str(u.path), u.reason) for u in raw.unreadable]
    schema = {"track_id": pl.String, "file": pl.String, "unreadable": pl.String}
    both = pl.concat([raw.frame, pl.DataFrame(rows, schema=schema, orient="row")], how="diagonal")
    return with_short_names(both)


def with_short_names(tracks: pl.DataFrame) -> pl.DataFrame:
    """The tracks with names of the length that one may have; a longer one ends in a mark."""
    return tracks.with_columns(_shortened(name) for name in _NAMES)


def _shortened(name: str) -> pl.Expr:
    cut = pl.col(name).str.slice(0, NAME_CHARACTERS - len(CUT)) + CUT
    return pl.when(pl.col(name).str.len_chars() > NAME_CHARACTERS).then(cut).otherwise(pl.col(name)).alias(name)
