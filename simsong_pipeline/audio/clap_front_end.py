"""CLAP's front end: log-mel spectrograms of 48 kHz, in patches of ten seconds. No torch here.

The values are those of transformers' ClapFeatureExtractor, which imports torch. It draws one window of a longer
recording at random; a song is heard by evenly spaced ones here.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.sparse import csr_array

SAMPLE_RATE = 48_000  # Hz
PATCH_SECONDS = 10
PATCH = SAMPLE_RATE * PATCH_SECONDS
_FLOOR = np.float32(1e-10)
_BLOCK = 128  # frames, whose spectra stay in a core's cache


@dataclass(frozen=True)
class ClapFrontEnd:
    """What a model's extractor is set to.

    Attributes:
        slaney: triangles of equal area on Slaney's mel scale; else of equal height on HTK's, as models with feature
            fusion have them.
    """

    n_fft: int
    hop: int
    n_mels: int
    f_min: float
    f_max: float
    slaney: bool

    @property
    def frames(self) -> int:
        """Of a patch."""
        return PATCH // self.hop + 1

    def patches(self, samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """[≤ count, frames, n_mels] in dB: what a song of mono samples [n] at 48 kHz is heard by."""
        whole = samples if len(samples) >= PATCH else _filled(samples)
        return np.stack([self._log_mel(whole[start : start + PATCH]) for start in even_starts(len(whole), count)])

    def _log_mel(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        window, bands = _window(self.n_fft), _bands(self)
        padded = np.pad(samples, self.n_fft // 2, mode="reflect")
        framed = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        result = np.empty((len(framed), self.n_mels), np.float32)
        for begin in range(0, len(framed), _BLOCK):
            spectrum = scipy.fft.rfft(framed[begin : begin + _BLOCK] * window, axis=1, overwrite_x=True)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            result[begin : begin + _BLOCK] = 10 * np.log10(np.maximum(bands @ power.T, _FLOOR)).T
        return result


def even_starts(samples: int, count: int) -> list[int]:
    """The samples that at most `count` patches begin at: the middles of equal parts, within the recording."""
    count = max(1, min(count, samples // PATCH))
    middles = (np.arange(count) + 0.5) * samples / count
    return [int(start) for start in np.clip(np.round(middles - PATCH / 2), 0, max(0, samples - PATCH))]


def _filled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """A patch of a shorter recording: as often as it fits as a whole, then silence, as in training."""
    result = np.zeros(PATCH, np.float32)
    whole = np.tile(samples, PATCH // len(samples))
    result[: len(whole)] = whole
    return result


@cache
def _window(n_fft: int) -> NDArray[np.float32]:
    """The periodic Hann window, [n_fft]."""
    return np.square(np.sin(np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


@cache
def _bands(front_end: ClapFrontEnd) -> csr_array:
    """Triangles [n_mels, n_fft // 2 + 1]."""
    to_mel, to_hertz = (_slaney_mel, _slaney_hertz) if front_end.slaney else (_htk_mel, _htk_hertz)
    low, high = to_mel(np.array([front_end.f_min, front_end.f_max])).tolist()
    corners = to_hertz(np.linspace(low, high, front_end.n_mels + 2))
    bins = np.linspace(0, SAMPLE_RATE // 2, front_end.n_fft // 2 + 1)
    widths = np.diff(corners)[:, None]
    rising = (bins - corners[:-2, None]) / widths[:-1]
    falling = (corners[2:, None] - bins) / widths[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    if front_end.slaney:
        triangles /= (corners[2:] - corners[:-2])[:, None] / 2
    return csr_array(triangles.astype(np.float32))


def _htk_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return 2595 * np.log10(1 + hertz / 700)


def _htk_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return 700 * (10 ** (mel / 2595) - 1)


# Slaney's scale: 200/3 Hz a mel up to 1 kHz (15 mel), from there 27 mel to a factor of 6.4.


def _slaney_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    above = 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4)
    return np.where(hertz < 1000, hertz * 3 / 200, above)


def _slaney_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
