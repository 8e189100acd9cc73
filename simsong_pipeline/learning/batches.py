"""Training batches: pairs of segments, which songs they are of, and how songs are known to be related.

Everything random follows from (seed, step, rank), so a resumed run draws what an undisturbed one draws.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from simsong_pipeline.audio.segments import cut
from simsong_pipeline.config import AugmentConfig, TrainConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.learning.augment import augment

Features = NDArray[np.float16]
Change = Callable[[Tensor, torch.Generator, AugmentConfig], Tensor]


@dataclass(frozen=True)
class TrainingSongs:
    """The training part of the catalogue; row i of everything is song i.

    Attributes:
        features: log-mels [frames, n_mels] or a body's rows [patches, channels], memory-mapped or not.
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

    def known_pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """[rows, columns] true for pairs of one artist and for neighbours in either direction."""
        same: NDArray[np.bool_] = self.artist[rows][:, None] == self.artist[columns][None]
        known: NDArray[np.bool_] = same | (self.similarity(rows, columns) > 0)
        return known

    def similarity(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, columns] the larger of the two directions' scores, 0 where neither lists the other."""
        there = self.neighbours[rows][:, columns].toarray()
        back = self.neighbours[columns][:, rows].toarray().T
        scores: NDArray[np.float32] = np.maximum(there, back).astype(np.float32)
        return scores


@dataclass(frozen=True)
class Batch:
    """Two views of b songs: inputs [2b, frames, channels]; row i and row i + b form a pair; songs [2b]."""

    inputs: Tensor
    songs: NDArray[np.int64]


class MappedSegments:
    """Cuts segments out of memory-mapped features: any size of catalogue, one copy a batch."""

    def __init__(self, features: Sequence[Features], device: torch.device) -> None:
        self._features, self._device = features, device

    def cut(self, songs: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> Tensor:
        """[n, length, n_mels] in f32 on the device."""
        pieces = [cut(self._features[i], int(s), length) for i, s in zip(songs, starts, strict=True)]
        return torch.from_numpy(np.stack(pieces)).to(self._device, non_blocking=True).float()


class DeviceSegments:
    """Holds all features on the device in one tensor, so that a batch is one gather there."""

    def __init__(self, features: Sequence[Features], device: torch.device) -> None:
        self._flat = torch.from_numpy(np.concatenate(features)).to(device)
        self._frames = torch.tensor([len(f) for f in features], device=device)
        self._offset = self._frames.cumsum(0) - self._frames

    def cut(self, songs: NDArray[np.int64], starts: NDArray[np.int64], length: int) -> Tensor:
        """[n, length, n_mels] in f32 on the device; a short song is repeated, as `segments.cut` does."""
        device = self._flat.device
        chosen = torch.from_numpy(songs).to(device)
        at = torch.from_numpy(starts).to(device)[:, None] + torch.arange(length, device=device)
        return self._flat[self._offset[chosen][:, None] + at % self._frames[chosen][:, None]].float()


def hold_segments(features: Sequence[Features], device: torch.device) -> MappedSegments | DeviceSegments:
    """On a GPU all features at once where they take at most half of its free memory; mapped otherwise."""
    if device.type != "cuda":
        return MappedSegments(features, device)
    free, _ = torch.cuda.mem_get_info(device)
    size = sum(f.nbytes for f in features)
    return DeviceSegments(features, device) if size <= free // 2 else MappedSegments(features, device)


class Views(Protocol):
    """Draws what an encoder hears of songs, other parts each time."""

    def draw(self, songs: NDArray[np.int64], rng: np.random.Generator, config: AugmentConfig) -> Tensor:
        """[n, frames, channels] a view of each song."""
        ...


class SegmentViews:
    """Random segments, augmented: of log-mels, or of what else `change` can change."""

    def __init__(
        self, features: Sequence[Features], length: int, device: torch.device, change: Change = augment
    ) -> None:
        self._frames = np.array([len(f) for f in features])
        self._length, self._change = length, change
        self._segments = hold_segments(features, device)

    def draw(self, songs: NDArray[np.int64], rng: np.random.Generator, config: AugmentConfig) -> Tensor:
        """[n, length, channels], log-mels in dB."""
        room = np.maximum(1, self._frames[songs] - self._length + 1)
        views = self._segments.cut(songs, rng.integers(room), self._length)
        generator = torch.Generator(views.device).manual_seed(int(rng.integers(2**62)))
        return self._change(views, generator, config)


class PatchViews:
    """Means over a random half of a song's patches: what else can be varied is inside of a frozen body."""

    def __init__(self, features: Sequence[Features], device: torch.device) -> None:
        self._features, self._device = features, device

    def draw(self, songs: NDArray[np.int64], rng: np.random.Generator, config: AugmentConfig) -> Tensor:
        """[n, 1, channels]."""
        means = [self._half(self._features[song], rng) for song in songs]
        return torch.from_numpy(np.stack(means)[:, None]).to(self._device)

    def _half(self, rows: Features, rng: np.random.Generator) -> NDArray[np.float32]:
        chosen = rng.permutation(len(rows))[: max(1, len(rows) // 2)]
        mean: NDArray[np.float32] = rows[chosen].mean(axis=0, dtype=np.float32)
        return mean


def draw_batch(songs: TrainingSongs, views: Views, config: TrainConfig, step: int, rank: int = 0) -> Batch:
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
    return Batch(views.draw(both, rng, config.augment), both)


def _partner(songs: TrainingSongs, song: int, rng: np.random.Generator, share: float) -> int:
    begin, end = songs.neighbours.indptr[song], songs.neighbours.indptr[song + 1]
    if begin == end or rng.random() >= share:
        return song
    return int(rng.choice(songs.neighbours.indices[begin:end]))
