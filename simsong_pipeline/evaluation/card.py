"""A report card's ground truths: what a person's own library says about which songs belong together."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.evaluation.retrieval import Task

Relevance = NDArray[np.bool_]
# A playlist with more than this share of the library is a list of everything and says nothing.
LARGEST_PLAYLIST = 0.5


def same_group(labels: Sequence[str | None]) -> Relevance:
    """[n, n] true for songs of one label; null belongs to no group."""
    numbers = {label: n for n, label in enumerate(sorted({label for label in labels if label is not None}))}
    values = np.array([-1 if label is None else numbers[label] for label in labels], np.int64)
    same: Relevance = (values[:, None] == values[None]) & (values >= 0)[:, None]
    return same


def in_one_playlist(playlists: Sequence[Sequence[str]], track_ids: Sequence[str]) -> Relevance:
    """[n, n] true for songs that some playlist holds together; lists of nearly everything are passed over."""
    position = {track_id: n for n, track_id in enumerate(track_ids)}
    together = np.zeros((len(track_ids), len(track_ids)), dtype=bool)
    for playlist in playlists:
        rows = sorted({position[t] for t in playlist if t in position})
        if len(rows) <= max(2, LARGEST_PLAYLIST * len(track_ids)):
            together[np.ix_(rows, rows)] = True
    return together


def album_labels(tracks: pl.DataFrame) -> list[str | None]:
    """Artist and release of each row, null where the release is not known."""
    label = pl.concat_str(pl.col("artist_id"), pl.lit("\n"), pl.col("release"))
    known = pl.col("release").is_not_null() & (pl.col("release") != "")
    return tracks.select(pl.when(known).then(label).alias("album"))["album"].to_list()


def asked_of(relevant: Relevance, queries: Relevance, artist: NDArray[np.int64] | None = None) -> Task | None:
    """A task whose queries are the rows of `queries` [n] alone; null where none of them has a relevant song.

    Args:
        artist: [n]; given, only songs by other artists are candidates.
    """
    candidates = ~np.eye(len(relevant), dtype=bool)
    if artist is not None:
        candidates &= artist[:, None] != artist[None]
    asked = relevant & candidates & queries[:, None]
    return Task(asked, candidates) if asked.any() else None
