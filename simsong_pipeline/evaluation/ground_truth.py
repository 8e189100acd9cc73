"""Relevance among the songs of one part of the split."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.similarity import numbers_of

# Pairs that are looked up at once: all of a full data set's have texts of gigabytes.
_AT_ONCE = 2_000_000


def relevance_matrix(similarity: pl.DataFrame, track_ids: list[str]) -> csr_array:
    """[n, n] sparse, true where column is in row's similarity list; both ends among `track_ids`."""
    parts = _places(similarity, pl.Series(track_ids, dtype=pl.String))
    rows, columns = np.concatenate([np.zeros((2, 0), np.int32), *parts], axis=1)
    matrix = csr_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(track_ids), len(track_ids)))
    matrix.sum_duplicates()
    return matrix


def _places(similarity: pl.DataFrame, ids: pl.Series) -> Iterator[NDArray[np.int32]]:
    """[2, pairs] places of both ends, of pairs that have both among `ids`, some at a time."""
    for begin in range(0, similarity.height, _AT_ONCE):
        pairs = similarity[begin : begin + _AT_ONCE]
        places = np.stack([numbers_of(pairs[name], ids) for name in ("track_id", "neighbour_id")])
        yield places[:, (places >= 0).all(axis=0)].astype(np.int32)


def artist_numbers(tracks: pl.DataFrame, track_ids: list[str]) -> NDArray[np.int64]:
    """[n] a number for each song's artist."""
    artist = dict(tracks.select("track_id", "artist_id").rows())
    return np.unique([artist[t] for t in track_ids], return_inverse=True)[1].astype(np.int64)


def has_other_artists(relevant: csr_array, artists: NDArray[np.int64]) -> bool:
    """Whether a song of another artist is relevant to any."""
    pairs = relevant.tocoo()
    return bool((artists[pairs.row] != artists[pairs.col]).any())


def is_answerable(splits: pl.DataFrame, similarity: pl.DataFrame) -> bool:
    """True when some test song has a related one, so that there is something to measure."""
    test = splits.filter(pl.col("split") == "test")["track_id"]
    return any(places.shape[1] for places in _places(similarity, test))
