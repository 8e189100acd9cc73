"""How good an encoder is on the validation songs."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.fusion import SongVectors, choose_audio_weight, fused_rows
from simsong_pipeline.evaluation.ground_truth import relevance_matrix
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import Task, build_task
from simsong_pipeline.learning.song_model import SongModel
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.training_data import CatalogueParts


class SongFeatures(Protocol):
    """Maps a track id to its features [frames, channels]."""

    def __getitem__(self, track_id: str, /) -> NDArray[np.float16]: ...


def embed_songs(
    encoder: torch.nn.Module, features: SongFeatures, track_ids: list[str], config: PipelineConfig
) -> NDArray[np.float32]:
    """[n, d] unit vectors of songs, through torch: the mean of a song's segments; [0, 0] of no song."""
    if not track_ids:
        return np.zeros((0, 0), np.float32)
    device = next(encoder.parameters()).device
    songs = []
    for track_id in track_ids:
        batch = song_inputs(features[track_id], config)
        with torch.inference_mode():
            songs.append(encoder(torch.from_numpy(batch).to(device)).mean(dim=0).float().cpu().numpy())
    vectors = np.stack(songs)
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


class Validator:
    """Recall@k among the validation songs.

    Args:
        features: of the validation songs, where they are not the catalogue's own log-mels.

    Attributes:
        task: null where no validation song has a related one; then the last weights are taken.
    """

    def __init__(self, parts: CatalogueParts, config: PipelineConfig, features: SongFeatures | None = None) -> None:
        self._parts, self._config = parts, config
        self._features: SongFeatures = parts.features if features is None else features
        relevant = relevance_matrix(parts.frames.similarity, parts.validation)
        self.task: Task | None = build_task(relevant, seed=config.evaluation.seed) if relevant.nnz else None

    def vectors(self, encoder: torch.nn.Module, lyric_matrix: NDArray[np.float32]) -> SongVectors:
        """Of the validation songs, by an encoder in training and its projection of whitened lyrics."""
        return self.vectors_of(encoder, self._parts.whitening.then(lyric_matrix))

    def vectors_of(self, encoder: torch.nn.Module, whitening: Whitening) -> SongVectors:
        """Of the validation songs, by a finished model."""
        audio = embed_songs(encoder, self._features, self._parts.validation, self._config)
        return SongVectors(audio, self._parts.whitened(self._parts.validation, whitening))

    def knows_test_or_trained_on(self, tracks: list[str], validated: list[str]) -> bool:
        """True where a model of these songs saw today's test songs, or was trained on today's validation songs."""
        trained = set(tracks) - set(validated)
        tested = self._parts.frames.splits.filter(split="test")["track_id"].to_list()
        return bool(trained & set(self._parts.validation) or set(tracks) & set(tested))

    def recall(self, model: SongModel) -> float:
        """Mean Recall@k: by audio alone or, where the lyrics are trained too, by both as training weighs them."""
        weight = model.audio_weight() if self._config.train.loss.fused_share else 1.0
        return float(self.recalls(self.vectors(model.encoder, model.lyric_matrix()), weight).mean())

    def recalls(self, vectors: SongVectors, audio_weight: float, hubness: float = 0.0) -> NDArray[np.float64]:
        """Recall@k of each validation query, fused."""
        assert self.task is not None
        k = self._config.evaluation.k
        return per_query(top_k(fused_rows(vectors, audio_weight, hubness), self.task, k), self.task, k)["recall"]

    def audio_weight(self, vectors: SongVectors) -> tuple[float, dict[float, float]]:
        """The fusion weight of the best validation recall; one half without validation queries."""
        if self.task is None:
            return 0.5, {}
        return choose_audio_weight(vectors, self.task, self._config.evaluation.k)
