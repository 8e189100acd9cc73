"""The one front end: torchaudio's mel spectrogram in decibels. It stays outside the ONNX graph.

CUDA's ONNX Runtime provider has no STFT kernel, and a front end that lived in two places would drift.
Its parameters and torchaudio's version are hashed into the model version.
"""

from functools import lru_cache

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from simsong_pipeline.config import LogMelConfig
from simsong_pipeline.files import sha256_of

_BLOCK = 500  # frames


def log_mel(samples: NDArray[np.float32], config: LogMelConfig) -> NDArray[np.float16]:
    """Log-mel spectrogram in dB below full scale, from `floor_db` up.

    Args:
        samples: mono [n] in [-1, 1] at `config.sample_rate`, of more than half a window.

    Returns:
        [frames, n_mels], frames = n // hop_length + 1, as f16 (a quarter of a dB at worst).
    """
    spectrogram, mel_scale = _transforms(config)
    frames, hop = len(samples) // config.hop_length + 1, config.hop_length
    # As torchaudio pads around the middle of the first and of the last frame.
    padded = torch.from_numpy(np.pad(samples, config.n_fft // 2, mode="reflect"))
    result = np.empty((frames, config.n_mels), np.float16)
    with torch.inference_mode():
        # In blocks, because the spectrum of a whole song is forty times its samples and would leave every cache.
        for begin in range(0, frames, _BLOCK):
            end = min(begin + _BLOCK, frames)
            spectrum = spectrogram(padded[begin * hop : (end - 1) * hop + config.n_fft])
            # Not torchaudio's power=2, which takes a root to square it again: a third of the whole transform.
            power = mel_scale(spectrum.real.square() + spectrum.imag.square())
            # A full-scale sine has a power of (n_fft / 4)^2 in its bin under a Hann window.
            decibels = 10 * torch.log10(power / (config.n_fft / 4) ** 2 + 1e-12)
            result[begin:end] = decibels.clamp_min(config.floor_db).to(torch.float16).T.numpy()
    return result


@lru_cache(maxsize=4)
def _transforms(config: LogMelConfig) -> tuple[torchaudio.transforms.Spectrogram, torchaudio.transforms.MelScale]:
    spectrogram = torchaudio.transforms.Spectrogram(
        config.n_fft, hop_length=config.hop_length, power=None, center=False
    )
    mel_scale = torchaudio.transforms.MelScale(
        config.n_mels, config.sample_rate, config.f_min, config.f_max, config.n_fft // 2 + 1
    )
    return spectrogram, mel_scale


def front_end_version(config: LogMelConfig) -> str:
    """Hash of everything that decides the features: parameters and the library's version."""
    return sha256_of("log-mel", config.model_dump(), torchaudio.__version__.split("+")[0])[:16]
