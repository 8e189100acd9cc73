"""Changes to log-mel segments that leave their music alone. Pure functions of a batch and a generator.

A change of gain is not among them: the encoders subtract a segment's mean level, so it would change nothing.
"""

import torch
from torch import Tensor

from simsong_pipeline.config import AugmentConfig

_EQUALISER_POINTS = 5
# Decibels to natural logarithm of power.
_PER_DB = 0.1 * 2.302585092994046


def augment(views: Tensor, generator: torch.Generator, config: AugmentConfig) -> Tensor:
    """Pitch shift, background, equaliser curve, noise, one time mask and one mel mask for each view.

    Args:
        views: [n, frames, n_mels] in dB; not changed in place.
        generator: on the views' device; same state, same result.
    """
    n, frames, mels = views.shape
    level = views.mean(dim=(1, 2))
    changed = _shifted(views, generator, config.pitch_bins) if config.pitch_bins else views
    if config.background_db is not None:
        changed = _mixed(changed, generator, config.background_db)
    changed = changed + _equaliser(n, mels, generator, views.device, config.equaliser_db)
    if config.noise_db:
        changed = changed + config.noise_db * torch.randn(views.shape, generator=generator, device=views.device)
    masked = _run_mask(n, frames, config.time_mask, generator, views.device)[:, :, None]
    masked = masked | _run_mask(n, mels, config.mel_mask, generator, views.device)[:, None]
    return torch.where(masked, level[:, None, None], changed)


def _uniform(n: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.rand(n, generator=generator, device=device)


def _shifted(views: Tensor, generator: torch.Generator, bins: int) -> Tensor:
    """Each view moved by up to `bins` mel bands; above about 1 kHz a band is a constant step in pitch."""
    n, frames, mels = views.shape
    by = torch.randint(-bins, bins + 1, (n,), generator=generator, device=views.device)
    source = (torch.arange(mels, device=views.device)[None] - by[:, None]).clamp(0, mels - 1)
    return views.gather(2, source[:, None].expand(n, frames, mels))


def _mixed(views: Tensor, generator: torch.Generator, below_db: float) -> Tensor:
    """Another view of the batch under each, `below_db` or more below its mean level; powers add."""
    other = views[torch.randperm(len(views), generator=generator, device=views.device)]
    depth = below_db + 10 * _uniform(len(views), generator, views.device)
    levelled = other + (views.mean(dim=(1, 2)) - other.mean(dim=(1, 2)) - depth)[:, None, None]
    return torch.logaddexp(views * _PER_DB, levelled * _PER_DB) / _PER_DB


def _equaliser(n: int, mels: int, generator: torch.Generator, device: torch.device, decibels: float) -> Tensor:
    """[n, 1, mels] smooth curves through five random points within ±decibels."""
    points = (2 * torch.rand(n, 1, _EQUALISER_POINTS, generator=generator, device=device) - 1) * decibels
    return torch.nn.functional.interpolate(points, size=mels, mode="linear", align_corners=True)


def _run_mask(n: int, size: int, share: float, generator: torch.Generator, device: torch.device) -> Tensor:
    """[n, size] true on one run of each row, of a random length of at most `share` of the row."""
    width = (_uniform(n, generator, device) * (int(share * size) + 1)).long()
    begin = (_uniform(n, generator, device) * (size - width + 1)).long()
    at = torch.arange(size, device=device)[None]
    return (at >= begin[:, None]) & (at < (begin + width)[:, None])
