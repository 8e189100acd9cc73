"""Cutting a song's log-mel into segments: random ones to train, evenly spaced ones to embed."""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import LogMelConfig, SegmentConfig


def segment_frames(segment: SegmentConfig, log_mel: LogMelConfig) -> int:
    """Frames in a segment."""
    return max(1, round(segment.seconds * log_mel.sample_rate / log_mel.hop_length))


def even_starts(frames: int, length: int, count: int) -> NDArray[np.int64]:
    """Starts [≤ count] of segments spread from the first frame to the last; fewer for a short song.

    A song shorter than a segment has one start, 0. Segments overlap by at most half.
    """
    room = max(0, frames - length)
    distinct = min(count, 1 + 2 * room // length) if room else 1
    return np.linspace(0, room, distinct).round().astype(np.int64)


def cut(features: NDArray[np.float16], start: int, length: int) -> NDArray[np.float16]:
    """[length, n_mels] from `start`; a song that is too short is repeated to fill the segment.

    Repetition rather than silence: an encoder must not learn to hear how long a file is.
    """
    piece = features[start : start + length]
    if len(piece) == length:
        return piece
    rows = (np.arange(length) + start) % len(features)
    return features[rows]


def even_segments(features: NDArray[np.float16], length: int, count: int) -> NDArray[np.float32]:
    """[≤ count, length, n_mels] what a song is embedded by: the segments at `even_starts`."""
    starts = even_starts(len(features), length, count)
    return np.stack([cut(features, int(start), length) for start in starts]).astype(np.float32)
