"""A report card's ground truths: what a person's own library says about which songs belong together."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.evaluation.task import Candidates, Task, asked_task

# A playlist with more than this share of the library is a list of everything and says nothing.
LARGEST_PLAYLIST = 0.5


def same_group(labels: Sequence[str | int | None]) -> csr_array:
    """[n, n] sparse, true for songs of one label; null belongs to no group."""
    numbers = {label: n for n, label in enumerate(dict.fromkeys(label for label in labels if label is not None))}
    rows = [n for n, label in enumerate(labels) if label is not None]
    columns = [numbers[label] for label in labels if label is not None]
    return _together(rows, columns, len(labels), len(numbers))


def in_one_playlist(playlists: Sequence[Sequence[str]], track_ids: Sequence[str]) -> csr_array:
    """[n, n] sparse, true for songs that some playlist holds together; lists of nearly everything are passed over."""
    position = {track_id: n for n, track_id in enumerate(track_ids)}
    rows: list[int] = []
    columns: list[int] = []
    for number, playlist in enumerate(playlists):
        held = sorted({position[t] for t in playlist if t in position})
        if len(held) <= max(2, LARGEST_PLAYLIST * len(track_ids)):
            rows += held
            columns += [number] * len(held)
    return _together(rows, columns, len(track_ids), len(playlists))


def _together(rows: list[int], columns: list[int], songs: int, groups: int) -> csr_array:
    """[songs, songs] true for songs that share a group."""
    members = csr_array((np.ones(len(rows), np.int32), (rows, columns)), shape=(songs, groups))
    return (members @ members.T).astype(bool)


def album_labels(tracks: pl.DataFrame) -> list[str | None]:
    """Artist and release of each row, null where the release is not known."""
    label = pl.concat_str(pl.col("artist_id"), pl.lit("\n"), pl.col("release"))
    known = pl.col("release").is_not_null() & (pl.col("release") != "")
    return tracks.select(pl.when(known).then(label).alias("album"))["album"].to_list()


def asked_of(
    relevant: csr_array | NDArray[np.bool_], queries: NDArray[np.bool_], artist: NDArray[np.int64] | None = None
) -> Task | None:
    """A task whose queries are the rows of `queries` [n] alone; null where none of them has a relevant song.

    Args:
        artist: [n]; given, only songs by other artists are candidates.
    """
    pairs = csr_array(relevant).tocoo()
    candidates = Candidates(len(queries), unlike=artist)
    kept = queries[pairs.row] & candidates.hold(pairs.row, pairs.col)
    if not kept.any():
        return None
    asked = csr_array((np.ones(int(kept.sum()), bool), (pairs.row[kept], pairs.col[kept])), shape=relevant.shape)
    return asked_task(asked, candidates)
