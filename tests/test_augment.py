"""Augmentation: each change does what its name says, and nothing else."""

import pytest
import torch

from simsong_pipeline.config import AugmentConfig
from simsong_pipeline.learning.augment import augment

STILL = AugmentConfig(equaliser_db=0, noise_db=0, time_mask=0, mel_mask=0)


def _changed(views: torch.Tensor, seed: int = 0, **settings: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return augment(views, generator, STILL.model_copy(update=settings))


def _views(n: int = 50, frames: int = 40, mels: int = 20) -> torch.Tensor:
    return torch.randn(n, frames, mels, generator=torch.Generator().manual_seed(1))


def test_nothing_configured_changes_nothing() -> None:
    assert torch.equal(_changed(_views()), _views())


def test_same_generator_gives_the_same_views() -> None:
    assert torch.equal(
        augment(_views(), torch.Generator().manual_seed(3), AugmentConfig()),
        augment(_views(), torch.Generator().manual_seed(3), AugmentConfig()),
    )


def test_equaliser_is_one_curve_for_all_frames_within_its_bounds() -> None:
    difference = _changed(_views(), equaliser_db=6.0) - _views()
    assert difference.std(dim=1).max() < 1e-5
    assert 3 < difference.abs().max() <= 6


@pytest.mark.parametrize(("setting", "dim"), [("time_mask", 2), ("mel_mask", 1)])
def test_masks_cover_no_more_than_their_share(setting: str, dim: int) -> None:
    masked = (_changed(_views(), **{setting: 0.25}) != _views()).all(dim=dim).float().mean(dim=1)
    assert 0.15 < masked.max() <= 0.25


def test_pitch_shift_moves_all_bands_by_the_same_number() -> None:
    ramp = torch.arange(20.0).expand(30, 4, 20)
    moved = _changed(ramp, pitch_bins=3)[:, 0, 3:17] - ramp[:, 0, 3:17]
    assert moved.std(dim=1).max() == 0
    assert sorted(set(moved[:, 0].tolist())) == [-3, -2, -1, 0, 1, 2, 3]


def test_background_adds_the_power_of_another_view_at_the_wanted_depth() -> None:
    flat = torch.zeros(8, 10, 5)
    added = _changed(flat, background_db=10.0)
    # Ten to twenty decibels below: 10 log10(1 + 10^-1) at most, 10 log10(1 + 10^-2) at least.
    assert 0.0431 < added.min() <= added.max() < 0.4140
