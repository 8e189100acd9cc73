"""Baselines against their definition."""

import numpy as np
import pytest

from simsong_pipeline.audio.description import gaussian, timbre
from simsong_pipeline.evaluation.baselines import (
    gaussian_scores,
    log_mel_statistics,
    statistics_scores,
)


def _kl(mean_a: np.ndarray, cov_a: np.ndarray, mean_b: np.ndarray, cov_b: np.ndarray) -> float:
    inverse, difference = np.linalg.inv(cov_b), mean_b - mean_a
    logs = np.linalg.slogdet(cov_b)[1] - np.linalg.slogdet(cov_a)[1]
    return 0.5 * (np.trace(inverse @ cov_a) + difference @ inverse @ difference - len(mean_a) + logs)


def test_gaussian_scores_are_negative_symmetric_divergences() -> None:
    rng = np.random.default_rng(0)
    songs = [(rng.normal(size=4), np.cov(rng.normal(size=(30, 4)).T)) for _ in range(5)]
    scores = gaussian_scores(songs)
    for a in range(5):
        for b in range(5):
            expected = -(_kl(*songs[a], *songs[b]) + _kl(*songs[b], *songs[a]))
            assert scores[a, b] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_songs_of_one_timbre_are_nearer_than_songs_of_another() -> None:
    rng = np.random.default_rng(0)
    shapes = [np.sin(np.arange(64) * f) * 20 for f in (0.1, 0.1, 0.9)]
    songs = [gaussian(timbre((shape + rng.normal(size=(200, 64))).astype(np.float16))) for shape in shapes]
    scores = gaussian_scores(songs)
    assert scores[0, 1] > scores[0, 2]


def test_log_mel_statistics_do_not_hear_the_level() -> None:
    song = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float16)
    louder = (song.astype(np.float32) + 8).astype(np.float16)
    assert np.allclose(log_mel_statistics(song), log_mel_statistics(louder), atol=0.01)


def test_statistics_scores_rank_a_song_of_the_same_spectrum_first() -> None:
    rng = np.random.default_rng(0)
    shapes = [np.sin(np.arange(64) * f) * 20 for f in (0.1, 0.1, 0.9, 0.5)]
    songs = [log_mel_statistics((shape + rng.normal(size=(200, 64))).astype(np.float16)) for shape in shapes]
    scores = statistics_scores(songs)
    assert scores[0, 1] > max(scores[0, 2], scores[0, 3])
