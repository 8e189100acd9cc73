"""Sound sources: additive, frequency modulation, plucked string, and percussion from noise.

Each function returns a mono note [n] at `SAMPLE_RATE` with a peak of about one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

SAMPLE_RATE: Final = 44_100
Signal = NDArray[np.float32]


def envelope(samples: int, attack_s: float, release_share: float) -> NDArray[np.float64]:
    """Linear attack, gentle decay, linear release over the last `release_share` of the note."""
    t = np.arange(samples) / SAMPLE_RATE
    shape = np.minimum(t / max(attack_s, 1e-3), 1.0) * np.exp(-1.2 * t)
    release = max(int(samples * release_share), 64)
    shape[-release:] *= np.linspace(1.0, 0.0, min(release, samples))
    return shape


def additive(frequency: float, samples: int, rolloff: float, attack_s: float) -> Signal:
    """Harmonics with amplitudes h^-rolloff, as far as they stay under 10 kHz."""
    count = max(1, min(12, int(10_000 / frequency)))
    phase = 2 * np.pi * frequency * np.arange(samples) / SAMPLE_RATE
    # sin((h+1)x) = 2 cos(x) sin(hx) - sin((h-1)x) saves a sine for each harmonic.
    double_cosine, before, current = 2 * np.cos(phase), np.zeros(samples), np.sin(phase)
    wave = current.copy()
    for harmonic in range(2, count + 1):
        before, current = current, double_cosine * current - before
        wave += harmonic**-rolloff * current
    return _scaled(wave * envelope(samples, attack_s, 0.3))


def frequency_modulation(frequency: float, samples: int, ratio: float, index: float, attack_s: float) -> Signal:
    """A sine whose phase another sine swings; the index decays, so the tone darkens as it rings."""
    t = np.arange(samples) / SAMPLE_RATE
    modulator = index * np.exp(-2.5 * t) * np.sin(2 * np.pi * ratio * frequency * t)
    return _scaled(np.sin(2 * np.pi * frequency * t + modulator) * envelope(samples, attack_s, 0.3))


def plucked(frequency: float, samples: int, brightness: float) -> Signal:
    """Karplus-Strong string: a burst of noise in a damped delay line (Karplus & Strong, 1983)."""
    period = max(2, int(SAMPLE_RATE / frequency))
    burst = np.random.default_rng(period).uniform(-1, 1, period)
    wave = np.zeros(samples + period + 1)  # period + 1 zeros first: the string before it is plucked
    lead = period + 1
    filtered = lfilter([brightness], [1, brightness - 1], burst)
    wave[lead : lead + period] = filtered[:samples]
    # y[n] = 0.498 (y[n - period] + y[n - period - 1]): a whole period follows from the one before.
    for begin in range(lead + period, wave.size, period):
        end = min(begin + period, wave.size)
        earlier = wave[begin - period - 1 : end - period]
        wave[begin:end] = 0.498 * (earlier[1:] + earlier[:-1])
    wave = wave[lead:]
    wave[-256:] *= np.linspace(1, 0, min(256, samples))[-samples:]
    return _scaled(wave)


def kick(tune: float) -> Signal:
    """A sine that falls from 150 Hz to `tune` Hz."""
    t = np.arange(int(0.22 * SAMPLE_RATE)) / SAMPLE_RATE
    frequency = tune + (150 - tune) * np.exp(-t * 35)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    return _scaled(np.sin(phase) * np.exp(-t * 16))


def snare(tone: float) -> Signal:
    """Noise around `tone` Hz with a short body."""
    t = np.arange(int(0.18 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(7).normal(size=t.size)
    band = butter(2, [tone * 0.6, min(tone * 6, 15_000)], "bandpass", fs=SAMPLE_RATE, output="sos")
    return _scaled(sosfilt(band, noise) * np.exp(-t * 24) + 0.4 * np.sin(2 * np.pi * tone * t) * np.exp(-t * 30))


def hat(decay: float) -> Signal:
    """High noise; a larger `decay` per second is a tighter hat."""
    t = np.arange(int(0.09 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(11).normal(size=t.size)
    high = butter(3, 5_500, "highpass", fs=SAMPLE_RATE, output="sos")
    return _scaled(sosfilt(high, noise) * np.exp(-t * decay))


def _scaled(wave: NDArray[np.float64]) -> Signal:
    scaled: Signal = (wave / (np.abs(wave).max() + 1e-9)).astype(np.float32)
    return scaled
