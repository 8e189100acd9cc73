"""Chooses a dense part of a similarity graph: songs that are worth fetching, because they have neighbours.

A random part keeps too few: of the pairs only the square of the share. Input and output are frames.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.errors import RawDataError

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


def dense_core(similarity: pl.DataFrame, size: int, progress: Progress = lambda *_: None) -> list[str]:
    """About the densest `size` songs of the graph, by track id.

    Songs with the fewest neighbours left are peeled off until `size` remain (Charikar, 2000: the densest of the sets
    that this goes through has at least half of the greatest density). Directions do not count.

    Args:
        similarity: track_id, neighbour_id.
        progress: called with the songs that were peeled off, and those to peel off.

    Raises:
        RawDataError: the graph has fewer songs than that.
    """
    ids, graph = _graph(similarity)
    if len(ids) < size:
        raise RawDataError(
            f"{size} songs are wanted and only {len(ids)} have any similar song: choose a smaller --size"
        )
    left = np.ones(len(ids), dtype=bool)
    while (count := int(left.sum())) > size:
        degrees = graph @ left.astype(np.float32)
        rows = np.flatnonzero(left)
        going = max(1, min(count - size, int(_PEELED * (count - size)) + 1))
        # Of equal degrees the later ids go, so that the same graph always gives the same songs.
        order = np.lexsort((-rows, degrees[rows]))
        left[rows[order[:going]]] = False
        progress(len(ids) - count + going, len(ids) - size)
    return [ids[n] for n in np.flatnonzero(left)]


def density(similarity: pl.DataFrame, chosen: list[str]) -> Density:
    """Neighbours that the chosen songs have among each other, as an evaluation counts them: by their own lists."""
    inside = pl.DataFrame({"track_id": chosen})
    pairs = similarity.select("track_id", "neighbour_id").join(inside, on="track_id", how="semi")
    pairs = pairs.join(inside.rename({"track_id": "neighbour_id"}), on="neighbour_id", how="semi")
    counts = inside.join(pairs.group_by("track_id").len("n"), on="track_id", how="left")["n"].fill_null(0).to_numpy()
    return Density(len(chosen), float(counts.mean()), float(np.median(counts)), int((counts == 0).sum()))


def random_part(similarity: pl.DataFrame, size: int, seed: int) -> list[str]:
    """`size` songs drawn without looking at the graph, to compare with."""
    ids = similarity["track_id"].unique().sort()
    drawn: NDArray[np.int64] = np.random.default_rng(seed).choice(len(ids), min(size, len(ids)), replace=False)
    return ids.gather(np.sort(drawn)).to_list()


def _graph(similarity: pl.DataFrame) -> tuple[list[str], csr_array]:
    """Track ids in order, and the undirected graph of ones between them."""
    both = pl.concat([similarity["track_id"], similarity["neighbour_id"].alias("track_id")])
    ids = both.unique().sort()
    position = pl.DataFrame({"track_id": ids}).with_row_index("at")
    pairs = (
        similarity.select("track_id", "neighbour_id")
        .join(position, on="track_id")
        .join(position.rename({"track_id": "neighbour_id", "at": "other"}), on="neighbour_id")
        .filter(pl.col("at") != pl.col("other"))
    )
    at, other = pairs["at"].to_numpy(), pairs["other"].to_numpy()
    one_way = csr_array((np.ones(len(at), np.float32), (at, other)), shape=(len(ids), len(ids)))
    graph = (one_way + one_way.T).tocsr()
    graph.data[:] = 1.0
    return ids.to_list(), graph
