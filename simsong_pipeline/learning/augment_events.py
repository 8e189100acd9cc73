"""Changes to spans of sound events that leave their music alone. Pure functions of a batch and a generator."""

import math

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
from simsong_pipeline.config import EventAugmentConfig
from simsong_pipeline.learning.encoder.event_statistics import masked_mean, valid_events

_CLASSES = PITCHES.stop - PITCHES.start


def augment_events(views: Tensor, generator: torch.Generator, config: EventAugmentConfig) -> Tensor:
    """Another key, another tempo, another level, a little noise, and fewer events, drawn for each view.

    Args:
        views: [n, events, CHANNELS]; not changed in place.
        generator: on the views' device; same state, same result.
    """
    n, device = len(views), views.device
    changed = views
    if config.transpose:
        changed = transposed(changed, torch.randint(_CLASSES, (n,), generator=generator, device=device))
    if config.tempo:
        rates = _around_zero(n, generator, device) * math.log1p(config.tempo)
        changed = at_tempo(changed, rates.exp())
    if config.gain_db:
        changed = louder(changed, _around_zero(n, generator, device) * config.gain_db)
    if config.noise:
        changed = _noisy(changed, generator, config.noise)
    return _fewer(changed, generator, config)


def transposed(views: Tensor, semitones: Tensor) -> Tensor:
    """Each view [events, CHANNELS] in another key: its pitch classes rotated upwards, which is exact.

    Args:
        semitones: [n] by how many.
    """
    source = (torch.arange(_CLASSES, device=views.device)[None] - semitones[:, None]) % _CLASSES
    pitches = views[:, :, PITCHES]
    rotated = pitches.gather(2, source[:, None].expand_as(pitches))
    return torch.cat([views[:, :, : PITCHES.start], rotated, views[:, :, PITCHES.stop :]], dim=2)


def at_tempo(views: Tensor, rates: Tensor) -> Tensor:
    """Each view played faster by its rate [n]: all its times are divided by it."""
    changed = views.clone()
    for column in (DURATION, LOUDNESS_MAX_TIME):
        changed[:, :, column] = views[:, :, column] / rates[:, None]
    return changed


def louder(views: Tensor, decibels: Tensor) -> Tensor:
    """Each view louder by its gain [n]: loudness, and the first timbre coefficient, which is the mean loudness."""
    changed = views.clone()
    for column in (LOUDNESS_START, LOUDNESS_MAX, TIMBRE.start):
        changed[:, :, column] = views[:, :, column] + decibels[:, None]
    return changed


def _noisy(views: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """Noise on timbre, of a share of each coefficient's own deviation over the view's events."""
    timbre, valid = views[:, :, TIMBRE], valid_events(views)
    centred = timbre - masked_mean(timbre, valid)[:, None]
    deviation = masked_mean(centred.square(), valid).sqrt()[:, None]
    drawn = torch.randn(timbre.shape, generator=generator, device=views.device)
    return torch.cat([timbre + share * deviation * drawn, views[:, :, TIMBRE.stop :]], dim=2)


def _fewer(views: Tensor, generator: torch.Generator, config: EventAugmentConfig) -> Tensor:
    """One run of each view, and of it a random share of events dropped: what is left out has duration 0."""
    n, events = views.shape[:2]
    least = max(1, math.ceil(config.shortest * events))
    length = least + (_uniform((n, 1), generator, views.device) * (events - least + 1)).long()
    begin = (_uniform((n, 1), generator, views.device) * (events - length + 1)).long()
    at = torch.arange(events, device=views.device)[None]
    kept = (at >= begin) & (at < begin + length)
    share = _uniform((n, 1), generator, views.device) * config.dropped
    kept &= _uniform((n, events), generator, views.device) >= share
    duration = views[:, :, DURATION] * kept
    return torch.cat([views[:, :, :DURATION], duration[:, :, None]], dim=2)


def _uniform(shape: tuple[int, ...], generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


def _around_zero(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """[n] uniform in [-1, 1]."""
    return 2 * _uniform((n,), generator, device) - 1
