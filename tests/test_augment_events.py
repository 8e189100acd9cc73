"""Changes to spans of events: transposition turns pitch classes exactly, times scale, and events go."""

import numpy as np
import pytest
import torch
from planted_events import event_song
from torch import Tensor

from simsong_pipeline.audio.event_layout import (
    DURATION,
    LOUDNESS_MAX,
    LOUDNESS_MAX_TIME,
    LOUDNESS_START,
    PITCHES,
    TIMBRE,
    event_starts,
)
from simsong_pipeline.config import EventAugmentConfig
from simsong_pipeline.learning.augment_events import at_tempo, augment_events, louder, transposed

NOTHING = EventAugmentConfig(transpose=False, tempo=0, gain_db=0, dropped=0, shortest=1, noise=0)


@pytest.fixture
def views() -> Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(np.stack([event_song(rng, rng.integers(4, size=60)) for _ in range(12)])).float()


def _changed(views: Tensor, seed: int = 0, **changes: object) -> Tensor:
    config = NOTHING.model_copy(update=changes)
    return augment_events(views, torch.Generator().manual_seed(seed), config)


def test_transposition_moves_each_pitch_class_up_and_nothing_else(views: Tensor) -> None:
    semitones = torch.arange(12)
    found = transposed(views, semitones)
    for row, steps in enumerate(semitones.tolist()):
        torch.testing.assert_close(found[row, :, PITCHES], views[row, :, PITCHES].roll(steps, dims=1), rtol=0, atol=0)
    others = [c for c in range(views.shape[2]) if not PITCHES.start <= c < PITCHES.stop]
    assert torch.equal(found[:, :, others], views[:, :, others])


def test_transpositions_add_up_and_twelve_semitones_are_none(views: Tensor) -> None:
    some, more = torch.tensor([3] * 12), torch.tensor([11] * 12)
    assert torch.equal(transposed(transposed(views, some), more), transposed(views, (some + more) % 12))
    assert torch.equal(transposed(transposed(views, some), more), transposed(transposed(views, more), some))
    assert torch.equal(transposed(views, torch.full((12,), 12)), views)


def test_tempo_scales_all_times(views: Tensor) -> None:
    rates = torch.linspace(0.8, 1.25, 12)
    found = at_tempo(views, rates)
    for row, rate in enumerate(rates.tolist()):
        begins = event_starts(views[row].numpy().astype(np.float64))
        np.testing.assert_allclose(event_starts(found[row].numpy().astype(np.float64)), begins / rate, rtol=1e-5)
    torch.testing.assert_close(found[:, :, LOUDNESS_MAX_TIME] * rates[:, None], views[:, :, LOUDNESS_MAX_TIME])
    assert torch.equal(found[:, :, TIMBRE.start : DURATION - 1], views[:, :, TIMBRE.start : DURATION - 1])


def test_gain_adds_to_loudness_and_to_what_is_loudness_in_timbre(views: Tensor) -> None:
    moved = (louder(views, torch.full((12,), 4.0)) - views).abs().amax(dim=(0, 1)) > 0
    assert sorted(moved.nonzero().flatten().tolist()) == [TIMBRE.start, LOUDNESS_START, LOUDNESS_MAX]


def test_noise_is_a_share_of_each_coefficients_own_deviation(views: Tensor) -> None:
    found = _changed(views, noise=0.2)
    noise = (found - views)[:, :, TIMBRE].std(dim=(0, 1))
    own = views[:, :, TIMBRE].std(dim=1).square().mean(dim=0).sqrt()
    torch.testing.assert_close(noise, 0.2 * own, rtol=0.1, atol=0)


def test_one_run_is_left_and_of_it_at_most_a_share_dropped(views: Tensor) -> None:
    many = views.repeat(20, 1, 1)
    runs = _changed(many, shortest=0.4)[:, :, DURATION] > 0
    lengths = runs.sum(dim=1)
    assert int(lengths.min()) >= 24
    assert int(lengths.max()) > 50
    assert int((runs[:, 1:] & ~runs[:, :-1]).sum(dim=1).max()) <= 1  # no second run begins
    dropped = 1 - (_changed(many, dropped=0.3)[:, :, DURATION] > 0).float().mean(dim=1)
    assert 0.1 < float(dropped.mean()) < 0.2
    assert float(dropped.max()) < 0.5


def test_nothing_is_changed_where_nothing_is_to_be_and_never_in_place(views: Tensor) -> None:
    before = views.clone()
    assert torch.equal(_changed(views), views)
    augment_events(views, torch.Generator().manual_seed(0), EventAugmentConfig())
    assert torch.equal(views, before)


def test_the_same_seed_changes_alike(views: Tensor) -> None:
    found = [augment_events(views, torch.Generator().manual_seed(seed), EventAugmentConfig()) for seed in (1, 1, 2)]
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
