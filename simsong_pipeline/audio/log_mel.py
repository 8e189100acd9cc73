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


def log_mel(samples: NDArray[np.float32], config: LogMelConfig) -> NDArray[np.float16]:
    """Log-mel spectrogram in dB below full scale, from `floor_db` up.

    Args:
        samples: mono [n] in [-1, 1] at `config.sample_rate`.

    Returns:
        [frames, n_mels], frames = n // hop_length + 1, as f16 (a quarter of a dB at worst).
    """
    with torch.inference_mode():
        power = _transform(config)(torch.from_numpy(np.ascontiguousarray(samples)))
        # A full-scale sine has a power of (n_fft / 4)^2 in its bin under a Hann window.
        decibels = 10 * torch.log10(power / (config.n_fft / 4) ** 2 + 1e-12)
        clipped = decibels.clamp_min(config.floor_db).T.to(torch.float16)
    result: NDArray[np.float16] = clipped.contiguous().numpy()
    return result


@lru_cache(maxsize=4)
def _transform(config: LogMelConfig) -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=config.sample_rate,
        n_fft=config.n_fft,
        hop_length=config.hop_length,
        f_min=config.f_min,
        f_max=config.f_max,
        n_mels=config.n_mels,
    )


def front_end_version(config: LogMelConfig) -> str:
    """Hash of everything that decides the features: parameters and the library's version."""
    return sha256_of("log-mel", config.model_dump(), torchaudio.__version__.split("+")[0])[:16]
