"""Relevance among the songs of one part of the split."""

import numpy as np
import polars as pl
from numpy.typing import NDArray


def relevance_matrix(similarity: pl.DataFrame, track_ids: list[str]) -> NDArray[np.bool_]:
    """[n, n] true where column is in row's similarity list; both ends among `track_ids`."""
    position = pl.DataFrame({"track_id": track_ids}, schema={"track_id": pl.String}).with_row_index("at")
    pairs = (
        similarity.select("track_id", "neighbour_id")
        .join(position, on="track_id")
        .join(position.rename({"track_id": "neighbour_id", "at": "other"}), on="neighbour_id")
    )
    matrix = np.zeros((len(track_ids), len(track_ids)), dtype=bool)
    matrix[pairs["at"].to_numpy(), pairs["other"].to_numpy()] = True
    return matrix


def artist_numbers(tracks: pl.DataFrame, track_ids: list[str]) -> NDArray[np.int64]:
    """[n] a number for each song's artist."""
    artist = dict(tracks.select("track_id", "artist_id").rows())
    return np.unique([artist[t] for t in track_ids], return_inverse=True)[1].astype(np.int64)


def is_answerable(splits: pl.DataFrame, similarity: pl.DataFrame) -> bool:
    """True when some test song has a related one, so that there is something to measure."""
    test = splits.filter(pl.col("split") == "test").select("track_id")
    pairs = similarity.join(test, on="track_id", how="semi")
    return pairs.join(test.rename({"track_id": "neighbour_id"}), on="neighbour_id", how="semi").height > 0
