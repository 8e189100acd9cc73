"""Does the ONNX file give the vectors of the torch encoder? On hard inputs, odd batch sizes and the catalogue."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simsong_pipeline.audio.event_layout import (
    CHANNELS,
    DURATION,
    LOUDNESS_MAX,
    LOUDNESS_MAX_TIME,
    LOUDNESS_START,
    PITCHES,
    TIMBRE,
)
from simsong_pipeline.inference import OnnxEncoder

MIN_COSINE = 0.9999
MIN_OVERLAP = 0.999
_BATCHES = (1, 2, 3, 7, 33)


@dataclass(frozen=True)
class Parity:
    """The worst cosine on the fixed set, and the mean top-10 overlap on the catalogue."""

    min_cosine: float
    top_10_overlap: float

    @property
    def holds(self) -> bool:
        """True when both are within their bounds."""
        return self.min_cosine >= MIN_COSINE and self.top_10_overlap >= MIN_OVERLAP


def check_parity(
    encoder: torch.nn.Module, session: OnnxEncoder, fixed: NDArray[np.float32], catalogue: NDArray[np.float32]
) -> Parity:
    """Compare on the fixed set in several batch sizes, and the neighbours of `catalogue`'s inputs.

    Args:
        fixed: [n, frames, channels], hard inputs.
        catalogue: [songs, frames, channels], one input a song.
    """
    encoder = encoder.cpu().eval()
    cosines = []
    for size in _BATCHES:
        batch = np.resize(fixed, (size, *fixed.shape[1:]))
        cosines.append((_torch(encoder, batch) * session.embed(batch)).sum(axis=1).min())
    overlap = _overlap(_torch(encoder, catalogue), session.embed(catalogue)) if len(catalogue) else 1.0
    # np.min lets a NaN through to the comparison, which it fails; min() could hide one.
    return Parity(float(np.min(cosines)), overlap)


def fixed_features(channels: int) -> NDArray[np.float32]:
    """[4, 1, channels] as a body might give them: nothing, everything loud, noise, a single channel."""
    inputs = np.zeros((4, 1, channels), np.float32)
    inputs[1] = 8.0
    inputs[2] = np.random.default_rng(0).normal(size=(1, channels))
    inputs[3, 0, channels // 3] = 30.0
    return inputs


def fixed_events(events: int) -> NDArray[np.float32]:
    """[6, events, CHANNELS]: nothing, one event, silence, noise, every third one dropped, very short and long ones."""
    rng = np.random.default_rng(0)
    inputs = np.zeros((6, events, CHANNELS), np.float32)
    inputs[1:, :, DURATION] = 0.25
    inputs[1, 1:, DURATION] = 0
    inputs[:, :, [LOUDNESS_START, LOUDNESS_MAX]] = -60.0
    for row in (1, 3, 4, 5):
        inputs[row, :, TIMBRE] = rng.normal(0, 40, (events, 12))
        inputs[row, :, TIMBRE.start] = rng.uniform(0, 60, events)
        inputs[row, :, PITCHES] = rng.uniform(0, 1, (events, 12))
        inputs[row, :, LOUDNESS_START] = rng.uniform(-60, -20, events)
        inputs[row, :, LOUDNESS_MAX] = inputs[row, :, LOUDNESS_START] + rng.uniform(0, 20, events)
        inputs[row, :, LOUDNESS_MAX_TIME] = rng.uniform(0, 0.2, events)
    inputs[4, ::3, DURATION] = 0
    inputs[5, :, DURATION] = 10.0 ** rng.uniform(-3, 1.5, events)
    return inputs


def fixed_log_mels(frames: int, n_mels: int) -> NDArray[np.float32]:
    """[6, frames, n_mels] in dB: silence, full scale, noise, a click, a tone, a rising sweep."""
    inputs = np.full((6, frames, n_mels), -80.0, np.float32)
    inputs[1] = 0.0
    inputs[2] = np.random.default_rng(0).uniform(-80, 0, (frames, n_mels))
    inputs[3, frames // 2] = -3.0
    inputs[4, :, n_mels // 3] = -6.0
    inputs[5, np.arange(frames), np.arange(frames) * n_mels // frames] = -6.0
    return inputs


def _torch(encoder: torch.nn.Module, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        vectors: NDArray[np.float32] = np.concatenate(
            [encoder(torch.from_numpy(part)).numpy() for part in np.array_split(batch, -(-len(batch) // 64))]
        )
    return vectors


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Mean share of the ten nearest neighbours that both agree on; ties at the tenth place count as agreed."""
    shares = []
    for own, other in zip(first @ first.T, second @ second.T, strict=True):
        k = min(10, len(own))
        nearest = np.argsort(-other, kind="stable")[:k]
        tenth = np.sort(own)[-k]
        shares.append(float(np.mean(own[nearest] >= tenth - 1e-5)))
    return float(np.mean(shares))
