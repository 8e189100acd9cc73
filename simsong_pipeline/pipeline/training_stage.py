"""Trains a variant on the training part of the catalogue and keeps its best weights with their record."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.audio.segments import cut, even_starts, segment_frames
from simsong_pipeline.batches import TrainingSongs
from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.encoder import AudioEncoder
from simsong_pipeline.evaluation.fusion import SongVectors, choose_audio_weight
from simsong_pipeline.evaluation.ground_truth import artist_numbers, relevance_matrix
from simsong_pipeline.evaluation.retrieval import Task, build_task, per_query, top_k
from simsong_pipeline.files import sha256_of
from simsong_pipeline.lyrics.whitening import Whitening, fit_whitening, truncation
from simsong_pipeline.pipeline.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.pipeline.workspace import Workspace
from simsong_pipeline.training.checkpoint import save_encoder
from simsong_pipeline.training.loop import TrainedEncoder, pick_device, train
from simsong_pipeline.training.processes import is_first_process

Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class TrainingFrames:
    """The frames that training reads."""

    tracks: pl.DataFrame
    splits: pl.DataFrame
    similarity: pl.DataFrame
    segment_features: pl.DataFrame
    lyric_embeddings: pl.DataFrame


@dataclass(frozen=True)
class TrainingOutcome:
    """A model's record, whether it was trained just now, and whether the catalogue changed since it was."""

    record: TrainingRecord
    trained_now: bool
    stale: bool

    def figures(self) -> dict[str, float]:
        """Numbers for a log or an asset's metadata."""
        record = self.record
        last = record.history[-1]
        recall = float("nan") if record.validation_recall is None else record.validation_recall
        return {
            "songs": record.songs,
            "best_step": record.best_step,
            "validation_recall": recall,
            "audio_weight": record.audio_weight,
            "loss": last["loss"],
            "weight_spread": last["weight_spread"],
            "trained_now": float(self.trained_now),
            "stale": float(self.stale),
        }


def train_variant(
    workspace: Workspace,
    variant: Variant,
    frames: TrainingFrames,
    config: PipelineConfig,
    progress: Progress,
    retrain: bool = False,
) -> TrainingOutcome:
    """Train, or take over the present model when its recipe is the same.

    A catalogue that grew does not call for a new model by itself: embedding the new songs with the present
    one is what a night should cost. `retrain` asks for one.
    """
    files = ModelFiles(workspace.model(variant))
    recipe = recipe_of(variant, config)
    present = None if retrain else files.training()
    if present is not None and present.recipe == recipe:
        return TrainingOutcome(present, False, present.data != data_version(frames))
    parts = _Parts(workspace, frames, config)
    validator = _Validator(parts, config)
    trained = train(
        parts.training_songs(),
        segment_frames(config.segments, config.log_mel),
        variant,
        config.encoder,
        config.train,
        validator.recall if validator.task is not None else None,
        progress,
        files.checkpoint,
    )
    record = _record(variant, recipe, parts, validator, trained, config)
    if not is_first_process():
        return TrainingOutcome(record, True, False)
    files.forget_training()
    save_encoder(files.encoder, trained.weights)
    files.write_training(record, parts.whitening, config)
    files.checkpoint.unlink(missing_ok=True)
    return TrainingOutcome(record, True, False)


def read_training_frames(workspace: Workspace) -> TrainingFrames:
    """The frames of the last run that training needs."""
    names = ("tracks", "splits", "lastfm_similarity", "segment_features", "lyric_embeddings")
    tracks, splits, similarity, features, lyrics = (workspace.read(name) for name in names)
    return TrainingFrames(tracks, splits, similarity, features, lyrics)


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
        sha256(frames.similarity.sort("track_id", "neighbour_id").write_csv().encode()).hexdigest(),
    )[:16]


def recipe_of(variant: Variant, config: PipelineConfig) -> str:
    """Hash of what a model depends on in the configuration; data are not part of it."""
    parts = (config.log_mel, config.segments, config.splits, config.encoder, config.train, config.lyrics)
    dumped = [part.model_dump(exclude={"batch_size"} if part is config.lyrics else None) for part in parts]
    return sha256_of(variant, dumped, config.evaluation.k, config.evaluation.relevance)[:16]


class _Parts:
    """Training and validation songs with everything known of them."""

    def __init__(self, workspace: Workspace, frames: TrainingFrames, config: PipelineConfig) -> None:
        self.frames = frames
        self.features: FeatureReader = workspace.features(config.log_mel).reader(frames.segment_features)
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

    def whitened(self, ids: list[str]) -> NDArray[np.float32]:
        """[n, k] whitened lyric vectors, zero where there are none."""
        rows = np.zeros((len(ids), self.whitening.projection.shape[1]), np.float32)
        for row, track_id in enumerate(ids):
            if track_id in self._lyrics:
                rows[row] = self.whitening.apply(self._lyrics[track_id][None])[0]
        return rows

    def training_songs(self) -> TrainingSongs:
        """The training part as the loop wants it."""
        position = pl.DataFrame({"track_id": self.train}).with_row_index("at")
        pairs = self.frames.similarity.join(position, on="track_id").join(
            position.rename({"track_id": "neighbour_id", "at": "other"}), on="neighbour_id"
        )
        at, other = pairs["at"].to_numpy(), pairs["other"].to_numpy()
        neighbours = csr_array((pairs["score"].to_numpy(), (at, other)), shape=(position.height, position.height))
        neighbours.sort_indices()
        artists = artist_numbers(self.frames.tracks, self.train)
        return TrainingSongs([self.features[t] for t in self.train], artists, neighbours, self.whitened(self.train))


class _Validator:
    """Recall@k among the validation songs.

    Attributes:
        task: null where no validation song has a related one; then the last weights are taken.
    """

    def __init__(self, parts: _Parts, config: PipelineConfig) -> None:
        self._parts, self._config = parts, config
        relevant = relevance_matrix(parts.frames.similarity, parts.validation)
        self.task: Task | None = build_task(relevant) if relevant.any() else None

    def embed(self, encoder: AudioEncoder) -> NDArray[np.float32]:
        """[n, d] unit vectors of the validation songs."""
        length = segment_frames(self._config.segments, self._config.log_mel)
        device = next(encoder.parameters()).device
        songs = []
        for track_id in self._parts.validation:
            features = self._parts.features[track_id]
            starts = even_starts(len(features), length, self._config.segments.inference_segments)
            batch = np.stack([cut(features, int(s), length) for s in starts]).astype(np.float32)
            with torch.inference_mode():
                songs.append(encoder(torch.from_numpy(batch).to(device)).mean(dim=0).float().cpu().numpy())
        vectors = np.stack(songs)
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def recall(self, encoder: AudioEncoder) -> float:
        """Mean Recall@k by audio alone."""
        assert self.task is not None
        vectors = self.embed(encoder)
        k = self._config.evaluation.k
        return float(per_query(top_k(vectors @ vectors.T, self.task, k), self.task, k)["recall"].mean())

    def audio_weight(self, trained: TrainedEncoder) -> tuple[float, dict[float, float]]:
        """The fusion weight of the best validation recall; one half without validation queries."""
        if self.task is None:
            return 0.5, {}
        encoder = AudioEncoder(self._config.encoder, self._config.log_mel.n_mels).eval()
        encoder.load_state_dict(trained.weights)
        vectors = SongVectors(
            self.embed(encoder.to(pick_device(self._config.train.device))), self._parts.whitened(self._parts.validation)
        )
        return choose_audio_weight(vectors, self.task, self._config.evaluation.k)


def _record(
    variant: Variant,
    recipe: str,
    parts: _Parts,
    validator: _Validator,
    trained: TrainedEncoder,
    config: PipelineConfig,
) -> TrainingRecord:
    weight, recalls = validator.audio_weight(trained)
    artist_of = dict(parts.frames.tracks.select("track_id", "artist_id").rows())
    return TrainingRecord(
        variant=variant,
        recipe=recipe,
        data=data_version(parts.frames),
        seed=config.train.seed,
        best_step=trained.best_step,
        validation_recall=trained.best_recall,
        lyric_temperature=trained.lyric_temperature,
        audio_weight=weight,
        fusion_recalls={str(w): r for w, r in recalls.items()},
        history=trained.history,
        artists=sorted({artist_of[t] for t in parts.known}),
        tracks=parts.known,
        songs=len(parts.train),
    )
