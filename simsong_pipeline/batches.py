"""Training batches: pairs of segments, which songs they are of, and which pairs are no negatives.

Everything random follows from (seed, step, rank), so a resumed run draws what an undisturbed one draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from simsong_pipeline.audio.segments import cut
from simsong_pipeline.config import AugmentConfig, TrainConfig
from simsong_pipeline.errors import ModelError

Features = NDArray[np.float16]


@dataclass(frozen=True)
class TrainingSongs:
    """The training part of the catalogue; row i of everything is song i.

    Attributes:
        features: log-mels [frames, n_mels], memory-mapped or not.
        artist: [n] number of the artist.
        neighbours: [n, n] sparse similarity scores, rows and columns training songs only.
        lyrics: [n, k] whitened unit vectors, zero where there are none.
    """

    features: Sequence[Features]
    artist: NDArray[np.int64]
    neighbours: csr_array
    lyrics: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.features)

    def known_pairs(self, songs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[len(songs), len(songs)] true for pairs of one artist and for neighbours in either direction."""
        linked = self.neighbours[songs][:, songs].toarray() > 0
        same: NDArray[np.bool_] = self.artist[songs][:, None] == self.artist[songs][None]
        known: NDArray[np.bool_] = same | linked | linked.T
        return known


@dataclass(frozen=True)
class Batch:
    """Two views of b songs: log_mel [2b, frames, n_mels]; row i and row i + b form a pair; songs [2b]."""

    log_mel: Tensor
    songs: NDArray[np.int64]


def draw_batch(songs: TrainingSongs, length: int, config: TrainConfig, step: int, rank: int = 0) -> Batch:
    """Draw b songs without repetition, and a second view of each: of itself or of a training neighbour.

    Raises:
        ModelError: fewer than two songs to train on.
    """
    if len(songs) < 2:
        raise ModelError(f"{len(songs)} song to train on: contrastive learning needs at least 2")
    rng = np.random.default_rng([config.seed, step, rank])
    first = rng.permutation(len(songs))[: config.batch_size]
    second = np.array([_partner(songs, i, rng, config.neighbour_share) for i in first])
    both = np.concatenate([first, second])
    pieces = [_random_segment(songs.features[i], length, rng) for i in both]
    views = augment(np.stack(pieces).astype(np.float32), rng, config.augment)
    return Batch(torch.from_numpy(views), both)


def _partner(songs: TrainingSongs, song: int, rng: np.random.Generator, share: float) -> int:
    begin, end = songs.neighbours.indptr[song], songs.neighbours.indptr[song + 1]
    if begin == end or rng.random() >= share:
        return song
    return int(rng.choice(songs.neighbours.indices[begin:end]))


def _random_segment(features: Features, length: int, rng: np.random.Generator) -> Features:
    return cut(features, int(rng.integers(max(1, len(features) - length + 1))), length)


def augment(views: NDArray[np.float32], rng: np.random.Generator, config: AugmentConfig) -> NDArray[np.float32]:
    """Gain, a smooth equaliser curve, noise, one time mask and one mel mask for each view.

    Args:
        views: [n, frames, n_mels] in dB.
    """
    n, frames, mels = views.shape
    level = views.mean(axis=(1, 2), keepdims=True)
    changed = views + rng.uniform(-1, 1, (n, 1, 1)).astype(np.float32) * np.float32(config.gain_db)
    changed += _equaliser(rng, n, mels, config.equaliser_db)
    changed += np.float32(config.noise_db) * rng.standard_normal(views.shape, dtype=np.float32)
    for view, mean in zip(changed, level.ravel(), strict=True):
        _mask(view, rng, config.time_mask, frames, mean)
        _mask(view.T, rng, config.mel_mask, mels, mean)
    return changed


def _equaliser(rng: np.random.Generator, n: int, mels: int, decibels: float) -> NDArray[np.float32]:
    """[n, 1, mels] curves through five random points."""
    points = rng.uniform(-decibels, decibels, (n, 5))
    at = np.linspace(0, 4, mels)
    left = np.minimum(at.astype(int), 3)
    curve = points[:, left] * (1 - (at - left)) + points[:, left + 1] * (at - left)
    curves: NDArray[np.float32] = curve[:, None, :].astype(np.float32)
    return curves


def _mask(view: NDArray[np.float32], rng: np.random.Generator, share: float, size: int, value: float) -> None:
    """Set a random run of at most `share` of the first axis to `value`, in place."""
    width = int(rng.integers(int(share * size) + 1))
    begin = int(rng.integers(size - width + 1))
    view[begin : begin + width] = value
