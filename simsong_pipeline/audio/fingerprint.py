"""Is it the same recording in another encoding? Binary fingerprints of log-mels, compared bit by bit.

A bit says whether the difference of two neighbouring bands grew since the frame before (Haitsma & Kalker, 2002, "A
highly robust audio fingerprinting system"). Two encodings of a recording agree in nearly all bits, two recordings in
half of them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

_BANDS = 32
_SMOOTHED_FRAMES = 9
_SHIFTS = 8  # frames, for the delay that an encoder adds

Codes = NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprint:
    """codes [frames - 1], 31 bits each; spectrum [2 n_mels]: mean and deviation of each band in dB, level taken off."""

    codes: Codes
    spectrum: NDArray[np.float32]


# Of a song that no recording is known of.
NO_FINGERPRINT = Fingerprint(np.zeros(0, np.uint32), np.zeros(0, np.float32))


def fingerprint(log_mel: NDArray[np.float16]) -> Fingerprint:
    """The fingerprint of a recording.

    Args:
        log_mel: [frames, n_mels] in dB.
    """
    values = log_mel.astype(np.float32)
    mean = values.mean(axis=0)
    spectrum = np.concatenate([mean - mean.mean(), values.std(axis=0)]).astype(np.float32)
    return Fingerprint(_codes(log_mel), spectrum)


def _codes(log_mel: NDArray[np.float16]) -> Codes:
    frames, mels = log_mel.shape
    edges = np.linspace(0, mels, _BANDS + 1).astype(int)[:-1]
    bands = np.add.reduceat(log_mel.astype(np.float32), edges, axis=1)
    smooth = uniform_filter1d(bands, min(_SMOOTHED_FRAMES, frames), axis=0, mode="nearest")
    slope = smooth[:, 1:] - smooth[:, :-1]
    grew = (slope[1:] - slope[:-1]) > 0
    weights = (1 << np.arange(grew.shape[1], dtype=np.uint64)).astype(np.uint32)
    codes: Codes = (grew * weights).sum(axis=1).astype(np.uint32)
    return codes


def bit_error(first: Codes, second: Codes) -> float:
    """Share of differing bits at the best alignment of a few frames; 1 where there is no overlap."""
    best = 1.0
    for shift in range(-_SHIFTS, _SHIFTS + 1):
        own, other = first[max(0, shift) :], second[max(0, -shift) :]
        length = min(len(own), len(other))
        if length:
            wrong = np.bitwise_count(own[:length] ^ other[:length]).sum()
            best = min(best, float(wrong) / (length * (_BANDS - 1)))
    return best
