"""Vectors of songs that are kept: the state of all of them, and the numbers of those that are asked for."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.config import Variant
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.workspace import Workspace

_STATE = ("track_id", "content_hash", "model_version")


@dataclass(frozen=True)
class StoredVectors:
    """A track_vectors frame of which only what is wanted is read.

    Attributes:
        states: track_id, content_hash, model_version of all songs, by track id.
        rows: the whole rows of some tracks, by track id.
        schema: the frame's.
    """

    states: pl.DataFrame
    rows: Callable[[Collection[str]], pl.DataFrame]
    schema: pl.Schema

    @property
    def dims(self) -> tuple[int, int]:
        """Widths of the audio and lyric vectors."""
        audio, lyrics = (self.schema[name].shape[0] for name in ("audio", "lyrics"))  # type: ignore[attr-defined]
        return audio, lyrics

    @property
    def model_version(self) -> str:
        """Of the model that all are by."""
        return str(self.states["model_version"][0])


def in_memory(vectors: pl.DataFrame) -> StoredVectors:
    """Of a frame that is there as a whole."""

    def rows(track_ids: Collection[str]) -> pl.DataFrame:
        return vectors.filter(pl.col("track_id").is_in(list(track_ids)))

    return StoredVectors(vectors.select(_STATE), rows, vectors.schema)


def stored_vectors(workspace: Workspace, variant: Variant) -> StoredVectors | None:
    """Of the last run; null before the first."""
    name = f"{variant}/track_vectors"
    kept = workspace.bucketed(name)
    if not kept.is_there:
        whole = workspace.read_if_there(name)
        return None if whole is None else in_memory(whole)

    return in_buckets(kept, kept.read(_STATE))


def in_buckets(kept: BucketedFrame, states: pl.DataFrame) -> StoredVectors:
    """Of a frame whose states are known."""

    def rows(track_ids: Collection[str]) -> pl.DataFrame:
        parts = kept.read(buckets=kept.buckets_of(track_ids))
        return parts.filter(pl.col("track_id").is_in(list(track_ids)))

    return StoredVectors(states, rows, kept.read(buckets=()).schema)
