"""What is measured of every recording besides its features: loudness, tempo, timbre statistics, a fingerprint."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from simsong_pipeline.audio.fingerprint import Fingerprint, fingerprint
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.config import LogMelConfig

# The front end of descriptions, whatever the encoder hears: they are compared between homes and across models.
FRONT_END = LogMelConfig()
COEFFICIENTS = 20
_FRAMES_A_SECOND = FRONT_END.sample_rate / FRONT_END.hop_length
_TEMPO_RANGE = (50.0, 210.0)
_CENTRE_BPM = 120.0
_OCTAVES = 0.9
_LEAST_SECONDS = 4.0


@dataclass(frozen=True)
class Description:
    """Of a recording, independent of the encoder.

    Attributes:
        loudness_db: root mean square level in dB below full scale.
        tempo_bpm: beats a minute; null where there is no clear pulse, or less than four seconds.
        timbre: mean and upper triangle of the covariance of the mel-frequency cepstral coefficients, [230] of 20; of a
            song that is known by the data set's features of its timbre coefficients, [90] of 12.
        prints: for telling copies.
    """

    loudness_db: float
    tempo_bpm: float | None
    timbre: NDArray[np.float32]
    prints: Fingerprint


def describe(samples: NDArray[np.float32]) -> Description:
    """Describe mono samples [n] at 16 kHz."""
    heard = log_mel(samples, FRONT_END)
    level = 10 * np.log10(float(np.dot(samples, samples)) / len(samples) + 1e-12)
    return Description(round(float(level), 2), tempo(heard), timbre(heard), fingerprint(heard))


def timbre(log_mel_db: NDArray[np.float16]) -> NDArray[np.float32]:
    """[230] statistics of the first 20 cepstral coefficients of a log-mel [frames, n_mels] in dB."""
    return timbre_statistics(dct(log_mel_db.astype(np.float64), axis=1, norm="ortho")[:, :COEFFICIENTS])


def timbre_statistics(coefficients: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean [D] of coefficients [n, D] and the upper triangle of their covariance, one after the other."""
    n, size = coefficients.shape
    covariance = np.cov(coefficients, rowvar=False) if n > 1 else np.zeros((size, size))
    upper = covariance[np.triu_indices(size)]
    return np.concatenate([coefficients.mean(axis=0), upper]).astype(np.float32)


def gaussian(statistics: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean [D] and covariance [D, D] back from `timbre_statistics`; a little is added to the variances."""
    size = (math.isqrt(9 + 8 * len(statistics)) - 3) // 2  # D + D (D + 1) / 2 numbers
    covariance = np.zeros((size, size))
    covariance[np.triu_indices(size)] = statistics[size:]
    covariance += np.triu(covariance, 1).T
    return statistics[:size].astype(np.float64), covariance + 1e-3 * np.eye(size)


def tempo(log_mel_db: NDArray[np.float16]) -> float | None:
    """Beats a minute of the strongest pulse: the autocorrelation of the onsets, weighted towards 120 (Ellis, 2007).

    Null where no lag correlates by more than a tenth, or the recording is shorter than four seconds.
    """
    if len(log_mel_db) < _LEAST_SECONDS * _FRAMES_A_SECOND:
        return None
    rise = np.maximum(np.diff(log_mel_db.astype(np.float32), axis=0), 0).mean(axis=1)
    rise = rise - rise.mean()
    spectrum = np.fft.rfft(rise, 2 * len(rise))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(rise)]
    if correlation[0] <= 0:
        return None
    # Of fewer terms where the lag is longer.
    correlation /= correlation[0] * np.arange(len(rise), 0, -1) / len(rise)
    lags = np.arange(1, len(rise) - 1)
    bpm = 60 * _FRAMES_A_SECOND / lags
    allowed = (bpm >= _TEMPO_RANGE[0]) & (bpm <= _TEMPO_RANGE[1])
    weight = np.exp(-0.5 * (np.log2(bpm / _CENTRE_BPM) / _OCTAVES) ** 2)
    best = int(lags[allowed][np.argmax((correlation[1:-1] * weight)[allowed])])
    if correlation[best] < 0.1:
        return None
    return round(60 * _FRAMES_A_SECOND / (best + _peak_offset(correlation[best - 1 : best + 2])), 1)


def _peak_offset(three: NDArray[np.float64]) -> float:
    """Where between its neighbours a peak lies, by a parabola through all three; within half a step."""
    curvature = three[0] - 2 * three[1] + three[2]
    return 0.0 if curvature >= 0 else float(np.clip(0.5 * (three[0] - three[2]) / curvature, -0.5, 0.5))
