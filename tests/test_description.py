"""What is measured of a recording, against closed forms: clicks of a known tempo, a sine's level, covariances."""

import numpy as np
import pytest

from simsong_pipeline.audio.description import COEFFICIENTS, FRONT_END, describe, gaussian, tempo, timbre
from simsong_pipeline.audio.log_mel import log_mel

RATE = FRONT_END.sample_rate


def _clicks(bpm: float, seconds: float = 20.0) -> np.ndarray:
    """Short bursts of noise on a floor of faint noise."""
    rng = np.random.default_rng(0)
    samples = rng.normal(scale=1e-4, size=int(seconds * RATE))
    burst = rng.normal(size=400) * np.exp(-np.arange(400) / 80)
    for beat in np.arange(0.1, seconds - 0.1, 60 / bpm):
        samples[int(beat * RATE) : int(beat * RATE) + 400] += 0.3 * burst
    return samples.astype(np.float32)


@pytest.mark.parametrize("bpm", [72.0, 88.0, 100.0, 120.0, 133.0, 152.0])
def test_clicks_have_their_tempo(bpm: float) -> None:
    assert tempo(log_mel(_clicks(bpm), FRONT_END)) == pytest.approx(bpm, rel=0.02)


@pytest.mark.parametrize(("bpm", "said"), [(220.0, 110.0), (240.0, 120.0), (300.0, 100.0), (360.0, 120.0)])
def test_beats_too_fast_to_count_are_counted_by_twos_or_threes(bpm: float, said: float) -> None:
    """Even clicks correlate at whole multiples of their distance: of these the one nearest to 120 is told."""
    assert tempo(log_mel(_clicks(bpm), FRONT_END)) == pytest.approx(said, rel=0.02)


@pytest.mark.parametrize("bpm", [30.0, 40.0])
def test_beats_too_slow_to_count_are_no_pulse(bpm: float) -> None:
    assert tempo(log_mel(_clicks(bpm, 40.0), FRONT_END)) is None


def test_noise_has_no_pulse() -> None:
    noise = np.random.default_rng(1).normal(scale=0.1, size=20 * RATE).astype(np.float32)
    assert tempo(log_mel(noise, FRONT_END)) is None


@pytest.mark.parametrize("amplitude", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("frequency", [100.0, 440.0, 3_000.0])
def test_loudness_of_a_sine_is_three_decibels_below_its_peak(amplitude: float, frequency: float) -> None:
    sine = amplitude * np.sin(2 * np.pi * frequency * np.arange(5 * RATE) / RATE)
    assert describe(sine.astype(np.float32)).loudness_db == pytest.approx(20 * np.log10(amplitude) - 3.01, abs=0.02)


def test_gaussian_of_the_timbre_is_that_of_the_coefficients() -> None:
    rng = np.random.default_rng(2)
    heard = (rng.normal(size=(300, 64)) @ rng.normal(size=(64, 64)) - 40).astype(np.float16)
    # The orthonormal cosine transform by its definition.
    band, order = np.arange(64), np.arange(COEFFICIENTS)[:, None]
    basis = np.sqrt(2 / 64) * np.cos(np.pi * (band + 0.5) * order / 64)
    basis[0] /= np.sqrt(2)
    cepstrum = heard.astype(np.float64) @ basis.T
    mean, covariance = gaussian(timbre(heard))
    np.testing.assert_allclose(mean, cepstrum.mean(axis=0), rtol=1e-4, atol=1e-3)
    expected = np.cov(cepstrum, rowvar=False) + 1e-3 * np.eye(COEFFICIENTS)
    np.testing.assert_allclose(covariance, expected, rtol=1e-4, atol=1e-3)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


@pytest.mark.parametrize("seconds", [0.1, 1.0, 3.9])
def test_short_recordings_have_no_tempo_but_all_else(seconds: float) -> None:
    found = describe(_clicks(120.0)[: int(seconds * RATE)])
    assert found.tempo_bpm is None
    assert np.isfinite(found.loudness_db)
    assert np.isfinite(found.timbre).all()


def test_silence_has_no_tempo_and_the_lowest_level() -> None:
    found = describe(np.zeros(6 * RATE, np.float32))
    assert found.tempo_bpm is None
    assert found.loudness_db == -120.0
    assert np.isfinite(found.timbre).all()
