"""What methods are made of: what was heard of a collection, and the untrained start fitted on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.real_music.hearing import Heard
from benchmarks.real_music.places import Places, even
from simsong_pipeline.audio.body_layout import musicnn_weights
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.learning.encoder.start import fit_start

Scores = NDArray[np.float32]
Method = Callable[[], Sequence[Scores]]


@dataclass(frozen=True)
class Material:
    """What methods are made of.

    Attributes:
        peers: scores of other libraries by name.
        seed: of what is drawn.
    """

    heard: Sequence[Heard]
    peers: Mapping[str, Scores]
    config: PipelineConfig
    seed: int

    @property
    def weights(self) -> NDArray[np.float32]:
        """[c] what each channel weighs."""
        return musicnn_weights(self.config.body.models)

    def patches(self, places: Places | None = None) -> list[NDArray[np.float32]]:
        """Rows [patches, c] of each recording at the places, by default those that are served."""
        chosen = places or even(self.config.body.patches)
        return [heard.at(chosen).astype(np.float32) for heard in self.heard]

    def features(self, places: Places | None = None, chosen: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """[n, c] means over a recording's patches, of all columns or some."""
        means = np.stack([rows.mean(axis=0) for rows in self.patches(places)])
        return means if chosen is None else means[:, chosen]

    def started(
        self,
        chosen: NDArray[np.int64] | None = None,
        places: Places | None = None,
        width: int | None = None,
        strength: float | None = None,
    ) -> Scores:
        """Cosines of the untrained start, fitted on all recordings; by default as it is served."""
        weights = self.weights if chosen is None else self.weights[chosen]
        return self.started_on(self.features(places, chosen), weights, width, strength)

    def started_on(
        self,
        features: NDArray[np.float32],
        weights: NDArray[np.float32],
        width: int | None = None,
        strength: float | None = None,
    ) -> Scores:
        """Cosines of the start fitted on these features [n, c] of the recordings, with weights [c]."""
        dim = min(width or self.config.encoder.embedding_dim, int((weights > 0).sum()))
        changed = {} if strength is None else {"strength": strength}
        return cosines(fit_start(features, dim, self.seed, weights, **changed).apply(features))


def cosines(rows: NDArray[np.float32]) -> Scores:
    """[n, n] of rows [n, c]."""
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    found: Scores = (unit @ unit.T).astype(np.float32)
    return found
