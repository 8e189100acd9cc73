"""What training and validation read: frames, and the parts of the catalogue as arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import IO, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.audio import event_statistics
from simsong_pipeline.audio.body_layout import start_weights
from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.ground_truth import artist_numbers
from simsong_pipeline.files import sha256_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.learning.batches import Features, TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_own_scale, fit_start
from simsong_pipeline.lyrics.whitening import Whitening, fit_whitening, truncation
from simsong_pipeline.stages.drawn_songs import fitted_songs


@dataclass(frozen=True)
class TrainingFrames:
    """The frames that training reads."""

    tracks: pl.DataFrame
    splits: pl.DataFrame
    similarity: pl.DataFrame
    segment_features: pl.DataFrame
    lyric_embeddings: pl.DataFrame


def read_training_frames(workspace: Workspace) -> TrainingFrames:
    """The frames of the last run that training needs."""
    names = ("tracks", "splits", "lastfm_similarity", "segment_features", "lyric_embeddings")
    tracks, splits, similarity, features, lyrics = (workspace.read(name) for name in names)
    return TrainingFrames(tracks, splits, similarity, features, lyrics)


def with_other_features(frames: TrainingFrames, replaced: pl.DataFrame, features: pl.DataFrame) -> TrainingFrames:
    """The frames with other rows of segment_features for some songs; a song that has none now is in them no more."""
    others = frames.segment_features.join(replaced, on="track_id", how="anti")
    rows = features.join(replaced, on="track_id", how="semi").select(others.columns).cast(others.schema)
    return replace(frames, segment_features=pl.concat([others, rows]).sort("track_id"))


def data_version(frames: TrainingFrames) -> str:
    """Hash of the training and validation songs, their recordings and lyrics, and the similarity."""
    judged = frames.splits.filter(pl.col("split") == "test")
    features, lyrics = frames.segment_features, frames.lyric_embeddings
    return sha256_of(
        features.join(judged, on="track_id", how="anti")
        .select("track_id", "audio_sha256", "front_end")
        .sort("track_id")
        .rows(),
        lyrics.join(judged, on="track_id", how="anti")
        .select("track_id", "text_sha256", "model")
        .sort("track_id")
        .rows(),
        _csv_sha256(frames.similarity.sort("track_id", "neighbour_id")),
    )[:16]


def _csv_sha256(frame: pl.DataFrame) -> str:
    """Hash of a frame as CSV, as present models have it in their records, without all of that text in memory."""
    written = _Hashed()
    frame.write_csv(cast(IO[bytes], written))
    return written.digest.hexdigest()


class _Hashed:
    """A file that keeps its content's hash alone."""

    def __init__(self) -> None:
        self.digest = sha256()

    def write(self, content: bytes) -> int:
        """As files do."""
        self.digest.update(content)
        return len(content)


class CatalogueParts:
    """Training and validation songs with everything known of them."""

    def __init__(self, workspace: Workspace, frames: TrainingFrames, config: PipelineConfig) -> None:
        self.frames = frames
        self.features: FeatureReader = workspace.features(config).reader(frames.segment_features)
        self._config = config
        vectors = frames.lyric_embeddings["vector"].to_numpy()
        self._lyrics = dict(zip(frames.lyric_embeddings["track_id"].to_list(), vectors, strict=True))
        self.train, self.validation = self._ids("train"), self._ids("validation")
        self.known = sorted([*self.train, *self.validation])
        self.whitening = self._fit(config.lyrics.whitened_dim)

    def _ids(self, part: str) -> list[str]:
        chosen = self.frames.splits.filter(pl.col("split") == part)
        return chosen.join(self.frames.segment_features, on="track_id", how="semi")["track_id"].sort().to_list()

    def _fit(self, dim: int) -> Whitening:
        known = [self._lyrics[t] for t in self.train if t in self._lyrics]
        width = self.frames.lyric_embeddings.schema["vector"].shape[0]  # type: ignore[attr-defined]
        return fit_whitening(np.stack(known), dim) if len(known) >= 4 else truncation(width, dim)

    def whitened(self, ids: list[str], whitening: Whitening | None = None) -> NDArray[np.float32]:
        """[n, k] lyric vectors whitened by these songs' statistics or another model's, zero where there are none."""
        chosen = whitening or self.whitening
        rows = np.zeros((len(ids), chosen.projection.shape[1]), np.float32)
        for row, track_id in enumerate(ids):
            if track_id in self._lyrics:
                rows[row] = chosen.apply(self._lyrics[track_id][None])[0]
        return rows

    @property
    def songs(self) -> int:
        """All songs with features."""
        return self.frames.segment_features.height

    def fit_start(self, features_of: Callable[[Features], NDArray[np.float32]]) -> tuple[Whitening, int]:
        """The untrained start of a head on a body or of an encoder of events, and how many songs it was fitted on.

        Fitted without labels on the songs that are not judged; on all where none can be judged.

        Args:
            features_of: the body's features or the events' statistics [channels] of a song's features as they are kept.
        """
        frames, seed = self.frames, self._config.train.seed
        songs = fitted_songs(frames.splits, frames.similarity, frames.segment_features, seed)
        means = np.stack([features_of(self.features[t]) for t in songs])
        dim = self._config.encoder.embedding_dim
        if hears_events(self._config):
            rows = means.astype(np.float64)
            scales = event_statistics.within_song_scales(rows.mean(axis=0))
            return fit_own_scale(rows, scales, event_statistics.start_weights(), dim, seed), len(songs)
        return fit_start(means, dim, seed, start_weights(self._config)), len(songs)

    def projected(self, ids: list[str], lyric_matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, k] unit lyric vectors after the learned projection, zero where there are none."""
        return self.whitened(ids, self.whitening.then(lyric_matrix))

    def training_songs(self) -> TrainingSongs:
        """The training part as the loop wants it."""
        return self.songs_of(self.train)

    def songs_of(self, ids: list[str]) -> TrainingSongs:
        """Some of the songs as the loop wants them."""
        position = pl.DataFrame({"track_id": ids}, schema={"track_id": pl.String}).with_row_index("at")
        pairs = self.frames.similarity.join(position, on="track_id").join(
            position.rename({"track_id": "neighbour_id", "at": "other"}), on="neighbour_id"
        )
        at, other = pairs["at"].to_numpy(), pairs["other"].to_numpy()
        neighbours = csr_array((pairs["score"].to_numpy(), (at, other)), shape=(position.height, position.height))
        neighbours.sort_indices()
        artists = artist_numbers(self.frames.tracks, ids)
        return TrainingSongs([self.features[t] for t in ids], artists, neighbours, self.whitened(ids))
