"""The one front end: a mel spectrogram in decibels. It stays outside the ONNX graph and does without torch.

CUDA's ONNX Runtime provider has no STFT kernel, and a front end that lived in two places would drift. torchaudio's
`Spectrogram` and `MelScale` define the values; its import takes longer than a night with one new song has.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import LogMelConfig
from simsong_pipeline.files import sha256_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# The torchaudio whose values these are. Another one makes every model and every vector obsolete.
_REVISION = "2.11.0"
_BLOCK = 128  # frames, whose spectra stay in a core's cache


def log_mel(samples: NDArray[np.float32], config: LogMelConfig) -> NDArray[np.float16]:
    """Log-mel spectrogram in dB below full scale, from `floor_db` up.

    Args:
        samples: mono [n] in [-1, 1] at `config.sample_rate`, of more than half a window.

    Returns:
        [frames, n_mels], frames = n // hop_length + 1, as f16 (a quarter of a dB at worst).
    """
    from scipy import fft  # not before: commands that hear nothing ask this module for its version

    window, bands = _window(config.n_fft), _bands(config)
    # The middle of the first and of the last frame are the ends of the recording, mirrored there.
    padded = np.pad(samples, config.n_fft // 2, mode="reflect")
    framed = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]
    result = np.empty((len(framed), config.n_mels), np.float16)
    for begin in range(0, len(framed), _BLOCK):
        spectrum = fft.rfft(framed[begin : begin + _BLOCK] * window, axis=1, overwrite_x=True)
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        # Sparse, because a bin is in two bands at most; also, it stays on this core, which a dense product would not.
        decibels = bands @ power.T
        decibels += np.float32(1e-12)
        np.log10(decibels, out=decibels)
        decibels *= np.float32(10)
        result[begin : begin + _BLOCK] = np.maximum(decibels, np.float32(config.floor_db)).T
    return result


@lru_cache(maxsize=4)
def _window(n_fft: int) -> NDArray[np.float32]:
    """The periodic Hann window, [n_fft]."""
    return np.square(np.sin(np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


@lru_cache(maxsize=4)
def _bands(config: LogMelConfig) -> "csr_array":
    """Triangles on HTK's mel scale, [n_mels, n_fft // 2 + 1], that give a full-scale sine in a bin of weight one 0 dB.

    Neighbouring triangles cross at half their height; none is normalised by its width.
    """
    from scipy.sparse import csr_array

    low, high = (_mel(f) for f in (config.f_min, config.f_max))
    corners = 700 * (10 ** (np.linspace(low, high, config.n_mels + 2) / 2595) - 1)
    bins = np.linspace(0, config.sample_rate // 2, config.n_fft // 2 + 1)
    widths = np.diff(corners)[:, None]
    rising = (bins - corners[:-2, None]) / widths[:-1]
    falling = (corners[2:, None] - bins) / widths[1:]
    # A full-scale sine has a power of (n_fft / 4)^2 in its bin under a Hann window.
    weights = np.maximum(0, np.minimum(rising, falling)) / (config.n_fft / 4) ** 2
    return csr_array(weights.astype(np.float32))


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


def front_end_version(config: LogMelConfig) -> str:
    """Hash of everything that decides the features: parameters and the revision of their definition."""
    return sha256_of("log-mel", config.model_dump(), _REVISION)[:16]
