"""Statistics of a span of events and the events as channels, in torch: `audio.event_statistics` says which and why."""

import torch
from torch import Tensor

from simsong_pipeline.audio.event_layout import (
    DURATION,
    LOUDNESS_MAX,
    LOUDNESS_MAX_TIME,
    LOUDNESS_START,
    PITCHES,
    TIMBRE,
)
from simsong_pipeline.audio.event_statistics import INTERVALS, PAIRS, SHORTEST_S


def valid_events(features: Tensor) -> Tensor:
    """[batch, events, 1] one for each event, zero for rows that are none, of features [batch, events, CHANNELS]."""
    return (features[:, :, DURATION : DURATION + 1] > 0).to(features.dtype)


def described_events(features: Tensor) -> Tensor:
    """[batch, events, DESCRIBED] of features [batch, events, CHANNELS]."""
    columns = [LOUDNESS_MAX_TIME, DURATION]
    times = torch.cat([features[:, :, c : c + 1] for c in columns], dim=2).clamp_min(SHORTEST_S).log()
    loudness = [features[:, :, c : c + 1] for c in (LOUDNESS_START, LOUDNESS_MAX)]
    return torch.cat([features[:, :, TIMBRE], *loudness, times], dim=2)


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """[batch, width] mean over valid events of values [batch, events, width]; zero where there is none."""
    return (values * valid).sum(dim=1) / valid.sum(dim=1).clamp_min(1.0)


def span_statistics(features: Tensor) -> Tensor:
    """[batch, STATISTICS] of features [batch, events, CHANNELS].

    Products are element by element, so that autocast leaves them in full precision.
    """
    valid, described = valid_events(features), described_events(features)
    mean = masked_mean(described, valid)
    centred = described - mean[:, None]
    deviation = masked_mean(centred.square(), valid).sqrt()
    first, second = (centred[:, :, PAIRS[:, side].tolist()] for side in (0, 1))
    return torch.cat([mean, deviation, masked_mean(first * second, valid), _harmony(features, valid)], dim=1)


def _harmony(features: Tensor, valid: Tensor) -> Tensor:
    pitches = features[:, :, PITCHES]
    power = pitches.square().sum(dim=2).clamp_min(1e-6)
    together = [(pitches * _rotated(pitches, step)).sum(dim=2) / power for step in INTERVALS]
    return masked_mean(torch.stack(together, dim=2), valid)


def _rotated(pitches: Tensor, step: int) -> Tensor:
    return torch.cat([pitches[:, :, -step:], pitches[:, :, :-step]], dim=2)
