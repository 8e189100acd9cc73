"""Cutting a song's log-mel into segments: random ones to train, evenly spaced ones to embed."""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio import clap_front_end, musicnn_front_end
from simsong_pipeline.audio.event_layout import DURATION, event_starts
from simsong_pipeline.audio.feature_format import hears_by_body, hears_events, trains_body
from simsong_pipeline.config import LogMelConfig, PipelineConfig, SegmentConfig

_USUAL_EVENT_S = 0.25


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


def input_frames(config: PipelineConfig) -> int:
    """Frames of what the encoder takes at once: a segment's, a body's patch, or one, the mean of a song's patches.

    Of events, how many.
    """
    if trains_body(config):
        return musicnn_front_end.PATCH_FRAMES
    if hears_events(config):
        return config.events.span
    return 1 if hears_by_body(config) else segment_frames(config.segments, config.log_mel)


def segmentation(config: PipelineConfig) -> dict[str, object]:
    """The settings of how a song is cut, which its vectors depend on."""
    if hears_events(config):
        return config.events.model_dump(include={"span", "spans"})
    return config.segments.model_dump()


def song_inputs(features: NDArray[np.float16], config: PipelineConfig) -> NDArray[np.float32]:
    """[n, input_frames, channels] what a song is embedded by: evenly spaced segments, or one mean over its patches."""
    if hears_by_body(config):
        mean: NDArray[np.float32] = features.mean(axis=0, dtype=np.float32)
        return mean[None, None]
    return even_segments(features, input_frames(config), _input_count(config))


def _input_count(config: PipelineConfig) -> int:
    if hears_events(config):
        return config.events.spans
    return config.body.patches if trains_body(config) else config.segments.inference_segments


def part_inputs(features: NDArray[np.float16], config: PipelineConfig) -> NDArray[np.float32]:
    """[n, input_frames, channels] the parts of a song by themselves, in the order of `part_seconds`."""
    return features[:, None].astype(np.float32) if hears_by_body(config) else song_inputs(features, config)


def part_seconds(features: NDArray[np.float16], duration_s: float, config: PipelineConfig) -> NDArray[np.float64]:
    """[n] where the parts begin, in seconds from the song's start."""
    if config.encoder.kind == "clap":
        rate = clap_front_end.SAMPLE_RATE
        return np.array(clap_front_end.even_starts(round(duration_s * rate), config.body.patches)) / rate
    if hears_by_body(config):
        rate = musicnn_front_end.SAMPLE_RATE
        starts = musicnn_front_end.even_starts(
            musicnn_front_end.frame_count(round(duration_s * rate)), config.body.patches
        )
        return np.array(starts) * musicnn_front_end.HOP / rate
    begins = even_starts(len(features), input_frames(config), _input_count(config))
    if hears_events(config):
        return event_starts(features)[begins]
    return begins.astype(np.float64) * _frame_seconds(config)


def part_ends(features: NDArray[np.float16], duration_s: float, config: PipelineConfig) -> NDArray[np.float64]:
    """[n] where the parts of `part_seconds` end, in seconds from the song's start."""
    if not hears_events(config):
        return part_seconds(features, duration_s, config) + part_length_s(config)
    length = input_frames(config)
    starts = even_starts(len(features), length, _input_count(config))
    last = np.minimum(starts + length, len(features)) - 1
    ends: NDArray[np.float64] = event_starts(features)[last] + features[last, DURATION].astype(np.float64)
    return ends


def part_length_s(config: PipelineConfig) -> float:
    """How long a part is, in seconds; of events about, for none is as long as the other."""
    if hears_events(config):
        return input_frames(config) * _USUAL_EVENT_S
    if config.encoder.kind == "clap":
        return float(clap_front_end.PATCH_SECONDS)
    if hears_by_body(config):
        return musicnn_front_end.PATCH_FRAMES * musicnn_front_end.HOP / musicnn_front_end.SAMPLE_RATE
    return input_frames(config) * _frame_seconds(config)


def _frame_seconds(config: PipelineConfig) -> float:
    if trains_body(config):
        return musicnn_front_end.HOP / musicnn_front_end.SAMPLE_RATE
    return config.log_mel.hop_length / config.log_mel.sample_rate
