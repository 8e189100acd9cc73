"""Reads `track_metadata.db`, the Million Song Dataset's table of all tracks."""

from pathlib import Path

import polars as pl

from simsong_pipeline.sources.counting import Progress
from simsong_pipeline.sources.raw_tracks import RAW_TRACKS
from simsong_pipeline.sources.sqlite_tables import read_all

_QUERY = (
    "SELECT track_id, song_id, artist_id, artist_name, title, release, '' AS genre, year, duration FROM songs "
    "ORDER BY track_id"
)


def read_track_metadata(path: Path, progress: Progress = lambda *_: None) -> pl.DataFrame:
    """All tracks as a raw-track frame; the file's -1 for NaN becomes NaN again.

    Raises:
        RawDataError: the file is missing or not this database.
    """
    frame = read_all(path, _QUERY, RAW_TRACKS, progress)
    duration = pl.when(pl.col("duration_s") == -1).then(float("nan")).otherwise("duration_s")
    return frame.with_columns(duration.alias("duration_s"), pl.lit(str(path)).alias("file"))
