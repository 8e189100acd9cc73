"""Statistics of spans of events: numpy and torch agree with the closed forms, and what is no event counts nothing."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from planted_events import event_song

from simsong_pipeline.audio.event_layout import CHANNELS, DURATION, LOUDNESS_MAX, PITCHES, TIMBRE
from simsong_pipeline.audio.event_statistics import (
    COVARIANCES,
    DESCRIBED,
    DEVIATIONS,
    HARMONY,
    MEANS,
    PAIRS,
    STATISTICS,
    span_statistics,
    start_weights,
    within_song_scales,
)
from simsong_pipeline.learning.encoder import event_statistics as by_torch
from simsong_pipeline.learning.encoder.start import fit_own_scale, fit_start


@pytest.fixture(scope="module")
def spans() -> NDArray[np.float32]:
    """[6, 50, CHANNELS], the last two with events left out."""
    rng = np.random.default_rng(1)
    drawn = np.stack([event_song(rng, rng.integers(4, size=50), loud=3.0 * n) for n in range(6)]).astype(np.float32)
    drawn[4, ::3, DURATION] = 0
    drawn[5, 20:, DURATION] = 0
    return drawn


def test_means_deviations_and_covariances_are_numpys(spans: NDArray[np.float32]) -> None:
    found = span_statistics(spans)
    assert found.shape == (6, STATISTICS)
    for span, row in zip(spans, found, strict=True):
        timbre = span[span[:, DURATION] > 0][:, TIMBRE].astype(np.float64)
        np.testing.assert_allclose(row[MEANS][:12], timbre.mean(axis=0))
        np.testing.assert_allclose(row[DEVIATIONS][:12], timbre.std(axis=0))
        covariance = np.cov(timbre, rowvar=False, bias=True)
        np.testing.assert_allclose(row[COVARIANCES], covariance[np.triu_indices(12, 1)], rtol=1e-9, atol=1e-9)
        loudest = span[span[:, DURATION] > 0][:, LOUDNESS_MAX].astype(np.float64)
        assert row[MEANS][13] == pytest.approx(loudest.mean())
        lengths = np.log(span[span[:, DURATION] > 0][:, DURATION].astype(np.float64))
        assert row[DEVIATIONS][DESCRIBED - 1] == pytest.approx(lengths.std())


def test_torch_gives_what_numpy_gives(spans: NDArray[np.float32]) -> None:
    expected = span_statistics(spans)
    found = by_torch.span_statistics(torch.from_numpy(spans)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-3)


def test_what_is_no_event_counts_nothing(spans: NDArray[np.float32]) -> None:
    rubbish = np.random.default_rng(0).normal(0, 99, (6, 7, CHANNELS)).astype(np.float32)
    rubbish[:, :, DURATION] = 0
    np.testing.assert_array_equal(span_statistics(np.concatenate([spans, rubbish], axis=1)), span_statistics(spans))
    assert not span_statistics(rubbish).any()


def test_harmony_is_the_same_in_every_key(spans: NDArray[np.float32]) -> None:
    turned = spans.copy()
    turned[:, :, PITCHES] = np.roll(spans[:, :, PITCHES], 5, axis=2)
    np.testing.assert_allclose(span_statistics(turned), span_statistics(spans))
    # One pitch class alone sounds with no other; all of them sound with all.
    alone = np.zeros((2, 9, CHANNELS), np.float32)
    alone[:, :, DURATION] = 0.2
    alone[0, :, PITCHES.start + 3] = 1
    alone[1, :, PITCHES] = 1
    np.testing.assert_allclose(span_statistics(alone)[:, HARMONY], [[0] * 6, [1] * 6])


def _drawn(songs: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    return span_statistics(
        np.stack([event_song(rng, rng.integers(4, size=40), loud=rng.normal() * 5) for _ in range(songs)]).astype(
            np.float32
        )
    )


def test_of_many_songs_the_start_is_that_of_standardised_statistics() -> None:
    rows, weights = np.tile(_drawn(40), (250, 1)), start_weights()
    found = fit_own_scale(rows, rows.std(axis=0), weights, 24, 0)
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    expected = fit_start(standard.astype(np.float32), 24, 0, weights)
    first, second = found.apply(rows[:40].astype(np.float32)), expected.apply(standard[:40].astype(np.float32))
    assert (first * second).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("songs", [1, 2, 5])
def test_few_songs_have_vectors_that_tell_them_apart(songs: int) -> None:
    rows = _drawn(songs)
    start = fit_own_scale(rows, within_song_scales(rows.mean(axis=0)), start_weights(), 128, 0)
    assert start.projection.shape == (STATISTICS, int((start_weights() > 0).sum()))
    vectors = start.apply(rows.astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (vectors @ vectors.T - np.eye(songs)).max() < 0.99


def test_covariances_are_of_each_pair_once() -> None:
    assert len({tuple(pair) for pair in PAIRS.tolist()}) == 66
    assert (PAIRS[:, 0] < PAIRS[:, 1]).all()
