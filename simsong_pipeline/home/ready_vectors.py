"""Vectors that are computed and not yet part of a frame: by the hash of what they are of, in a file a bucket.

What a killed run, or the worker of some buckets, has computed is taken over from here by the next run, which deletes it
once its frame is written.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.buckets import Buckets
from simsong_pipeline.files import is_as_written, write_with_sum


@dataclass(frozen=True)
class BucketVectors:
    """Vectors [n, width] of a bucket, and the hashes of what they are of."""

    bucket: int
    keys: list[str]
    vectors: NDArray[np.float32]

    def by_key(self) -> dict[str, NDArray[np.float32]]:
        """The vector of each hash."""
        return dict(zip(self.keys, self.vectors, strict=True))


class ReadyVectors:
    """The files below a folder that is named by the model and its settings."""

    def __init__(self, folder: Path, buckets: Buckets) -> None:
        self._folder, self._buckets = folder, buckets

    def read(self, bucket: int) -> BucketVectors | None:
        """What is ready of a bucket; null where nothing is, or nothing that is as it was written."""
        path = self._path(bucket)
        if not path.is_file() or not is_as_written(path):
            return None
        frame = pl.read_parquet(path)
        return BucketVectors(bucket, frame["key"].to_list(), frame["vector"].to_numpy())

    def write(self, made: BucketVectors) -> None:
        """Keep a bucket's vectors, those that were ready before among them."""
        before = self.read(made.bucket)
        known = ({} if before is None else before.by_key()) | made.by_key()
        if not known:
            return
        vectors = np.stack(list(known.values())).astype(np.float32)
        kind = pl.Array(pl.Float32, vectors.shape[1])
        frame = pl.DataFrame({"key": list(known), "vector": pl.Series(vectors, dtype=kind)})
        write_with_sum(self._path(made.bucket), frame.write_parquet)

    def clear(self) -> None:
        """Delete them: they are part of a frame."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, bucket: int) -> Path:
        return self._folder / f"{self._buckets.name(bucket)}.parquet"
