"""Vectors of another system, which stand in the table beside this project's."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.errors import RawDataError

Vectors = dict[str, NDArray[np.float32]]


def read_vectors(path: Path) -> pl.DataFrame:
    """track_id, vector (an array of one width) of a parquet file.

    Raises:
        RawDataError: it is none, holds no such columns, a track twice, vectors of several widths or what is not finite.
    """
    try:
        frame = pl.read_parquet(path, columns=["track_id", "vector"])
        widths = frame["vector"].list.len() if frame.schema["vector"] == pl.List else None
        width = int(frame["vector"][0].len()) if frame.height else 0
        if widths is not None and (widths.n_unique() != 1 or width == 0):
            raise RawDataError(f"{path}: vectors have to be of one length, not of {sorted(set(widths.to_list()))[:5]}")
        frame = frame.with_columns(pl.col("vector").cast(pl.Array(pl.Float32, width)))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RawDataError(f"{path} is no parquet file with the columns track_id and vector: {error}") from error
    twice = frame["track_id"].filter(frame["track_id"].is_duplicated())
    if len(twice):
        raise RawDataError(f"{path}: {twice[0]} is there several times: give each track one vector")
    bad = ~np.isfinite(frame["vector"].to_numpy()).all(axis=1)
    if bad.any():
        raise RawDataError(f"{path}: the vector of {frame['track_id'][int(bad.argmax())]} is not finite")
    return frame


def unit_rows(frame: pl.DataFrame, track_ids: list[str], name: str) -> NDArray[np.float32]:
    """[n, d] of unit length in the order of the ids; zero, which comes last, for a song without a vector.

    Raises:
        RawDataError: none of the songs has one.
    """
    asked = pl.DataFrame({"track_id": track_ids}).join(frame, on="track_id", how="left", maintain_order="left")
    known = asked["vector"].is_not_null().to_numpy()
    if not known.any():
        raise RawDataError(f"{name} has a vector of none of the {len(track_ids)} songs of the gallery: {track_ids[0]}")
    rows = np.zeros((len(track_ids), frame.schema["vector"].shape[0]), np.float32)  # type: ignore[attr-defined]
    rows[known] = asked["vector"].drop_nulls().to_numpy()
    unit: NDArray[np.float32] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
