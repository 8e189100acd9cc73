"""Chooses a dense part of a similarity graph: songs that are worth fetching, because they have neighbours.

A random part keeps too few: of the pairs only the square of the share.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.similarity import Similarity

# Songs removed at once, as a share of those that are too many: small enough that degrees stay about right.
_PEELED = 0.05
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Density:
    """How well a set of songs is connected: similar songs inside the set, for each song that has a list."""

    songs: int
    mean_neighbours: float
    median_neighbours: float
    without_neighbours: int


def dense_core(similarity: Similarity, size: int, progress: Progress = lambda *_: None) -> list[str]:
    """About the densest `size` songs of the graph, by track id.

    Songs with the fewest neighbours left are peeled off until `size` remain (Charikar, 2000: the densest of the sets
    that this goes through has at least half of the greatest density). Directions do not count.

    Args:
        progress: called with the songs that were peeled off, and those to peel off.

    Raises:
        RawDataError: the graph has fewer songs than that.
    """
    graph = _graph(similarity)
    degrees = np.diff(graph.indptr).astype(np.int64)
    left = degrees > 0
    total = int(left.sum())
    if total < size:
        raise RawDataError(f"{size} songs are wanted and only {total} have any similar song: choose a smaller --size")
    while (count := int(left.sum())) > size:
        going = max(1, min(count - size, int(_PEELED * (count - size)) + 1))
        gone = _least(degrees, np.flatnonzero(left), going)
        left[gone] = False
        degrees -= np.bincount(graph[gone].indices, minlength=len(left))
        progress(total - count + going, total - size)
    return similarity.ids.gather(np.flatnonzero(left)).to_list()


def _least(degrees: NDArray[np.int64], rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of the rows `count` of the least degrees; of equal ones the later go, so that a graph always gives the same."""
    keys = degrees[rows] * len(degrees) + (len(degrees) - 1 - rows)
    return rows if count == len(rows) else rows[np.argpartition(keys, count - 1)[:count]]


def density(similarity: Similarity, chosen: list[str]) -> Density:
    """Neighbours that the chosen songs have among each other, as an evaluation counts them: by their own lists."""
    counts = similarity.restricted(pl.Series(chosen)).lengths
    return Density(len(chosen), float(counts.mean()), float(np.median(counts)), int((counts == 0).sum()))


def random_part(similarity: Similarity, size: int, seed: int) -> list[str]:
    """`size` songs with a list, drawn without looking at the graph, to compare with."""
    listed = np.flatnonzero(similarity.lengths)
    drawn: NDArray[np.int64] = np.random.default_rng(seed).choice(len(listed), min(size, len(listed)), replace=False)
    return similarity.ids.gather(listed[np.sort(drawn)]).to_list()


def _graph(similarity: Similarity) -> csr_array:
    """[n, n] of an entry for each pair of neighbours, whichever of them has the other in its list."""
    n, entries = len(similarity.ids), np.ones(len(similarity.neighbours), np.int8)
    listed = csr_array((entries, similarity.neighbours.view(np.int32), similarity.starts), shape=(n, n))
    naming = listed.T.tocsr()
    return naming + naming.T.tocsr()
