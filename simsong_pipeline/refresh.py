"""What has to be embedded again, and what has to be written again: decided by hashes, not by dates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.files import sha256_of_rows
from simsong_pipeline.schemas import TRACK_VECTORS, conform

# An input of which less is left is more likely incomplete than right: an unmounted disk looks like an empty folder.
KEEP_SHARE = 0.5
IF_MEANT = "if this is meant, use --accept-shrink or SIMSONG_ACCEPT_SHRINK=1"


def is_shrunken(now: int, before: int, keep_share: float = KEEP_SHARE) -> bool:
    """Whether fewer than `keep_share` of what was there before are there now."""
    return now < keep_share * before


class Embedder(Protocol):
    """What re-embedding needs of an encoder; `dim` is the width of its vectors."""

    @property
    def dim(self) -> int: ...

    def embed_songs(self, songs: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """One unit vector a song from its segments [n, frames, n_mels]."""
        ...


@dataclass(frozen=True)
class Refreshed:
    """Which vectors are new, and which of those before still hold.

    Attributes:
        new: rows of the track_vectors contract.
        kept: track_id, content_hash, model_version.
    """

    new: pl.DataFrame
    kept: pl.DataFrame

    @property
    def embedded(self) -> int:
        """Songs with a vector computed now."""
        return self.new.height

    @property
    def unchanged(self) -> int:
        """Songs whose vector is taken over."""
        return self.kept.height

    @property
    def states(self) -> pl.DataFrame:
        """track_id, content_hash, model_version of all songs, by track id."""
        new = self.new.select("track_id", "content_hash", "model_version")
        return (pl.concat([self.kept.select(new.columns), new]) if self.kept.height else new).sort("track_id")

    @property
    def model_version(self) -> str:
        """Of the model that all are by."""
        return str((self.new if self.new.height else self.kept)["model_version"][0])


def content_hashes(features: pl.DataFrame, lyrics: pl.DataFrame, segments: object) -> pl.DataFrame:
    """Hash of everything a song's vectors depend on besides the model.

    Args:
        features: track_id, audio_sha256, front_end.
        lyrics: track_id, text_sha256, model; tracks without lyrics are absent.
        segments: the segmentation's settings.

    Returns:
        track_id, content_hash: one row for each track with features, by track id.
    """
    joined = features.select("track_id", "audio_sha256", "front_end").join(
        lyrics.select("track_id", "text_sha256", "model"), on="track_id", how="left"
    )
    joined = joined.sort("track_id")
    hashes = sha256_of_rows(segments, joined.drop("track_id").iter_rows())
    return joined.select("track_id").with_columns(pl.Series("content_hash", hashes, pl.String))


def split_unchanged(
    hashes: pl.DataFrame, previous: pl.DataFrame | None, model_version: str
) -> tuple[pl.DataFrame, list[str]]:
    """The rows of `previous` whose vectors still hold, and the track ids whose vectors must be computed."""
    if previous is None:
        return pl.DataFrame(), hashes["track_id"].to_list()
    valid = previous.filter(pl.col("model_version") == model_version)
    kept = valid.join(hashes, on=["track_id", "content_hash"], how="semi")
    return kept, hashes.join(kept, on="track_id", how="anti")["track_id"].to_list()


def vector_frame(
    track_ids: Sequence[str],
    audio: NDArray[np.float32],
    lyrics: dict[str, NDArray[np.float32]],
    hashes: pl.DataFrame,
    model_version: str,
    lyric_dim: int,
) -> pl.DataFrame:
    """New rows of the track_vectors contract. Shapes: audio [n, d]; each of lyrics [lyric_dim]."""
    words = [lyrics[t].tolist() if t in lyrics else None for t in track_ids]
    frame = pl.DataFrame(
        {
            "track_id": pl.Series(track_ids, dtype=pl.String),
            "audio": pl.Series(np.ascontiguousarray(audio, np.float32), dtype=pl.Array(pl.Float32, audio.shape[1])),
            "lyrics": pl.Series(words, dtype=pl.Array(pl.Float32, lyric_dim)),
        }
    )
    known = frame.join(hashes, on="track_id").with_columns(pl.lit(model_version).alias("model_version"))
    return conform(known, TRACK_VECTORS)
