"""MusiCNN's front end: compressed mel spectrograms of 16 kHz, in patches of three seconds. No torch here.

The values are those of librosa 0.7, with which the models were trained (Pons & Serra, 2019, arXiv 1909.06654). Only
the frames of wanted patches are transformed, because a song is heard by a few of them.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SAMPLE_RATE = 16_000  # Hz
HOP = 256  # samples
N_MELS = 96
PATCH_FRAMES = 187
DECIBELS = np.float32(10)  # in one of the values, where a frame is not all but silent
# Samples in [-1, 1] come to 7.35 at most, a tone of full scale in the narrowest band. Recordings kept as floats may be
# louder, and nothing says by how much: what is beyond this is cut to it, because bodies are made for values up to it.
LOUDEST = 8.0
VERSION = "musicnn-log-mel-1"  # belongs into the hash of whatever is made of these values
_WINDOW = 512
_BLOCK = 128  # frames, whose spectra stay in a core's cache
_COMPRESSION = np.float32(10_000)


def frame_count(samples: int) -> int:
    """Frames of a recording of so many samples."""
    return samples // HOP + 1


def even_starts(frames: int, count: int) -> list[int]:
    """The frames that `count` patches begin at, spread evenly: the middles of equal parts, within the recording.

    Fewer where the recording has not so many patches side by side, one where it is shorter than a patch.
    """
    room = max(0, frames - PATCH_FRAMES)
    count = max(1, min(count, frames // PATCH_FRAMES))
    middles = (np.arange(count) + 0.5) * frames / count
    return [int(start) for start in np.clip(np.round(middles - PATCH_FRAMES / 2), 0, room)]


def patches(samples: NDArray[np.float32], starts: Sequence[int]) -> NDArray[np.float32]:
    """The patches that begin at the frames `starts`, [len(starts), 187, 96]; no other frame is transformed.

    A recording that is shorter than a patch is repeated to fill it, as in training.

    Args:
        samples: mono [n] at 16 kHz, in [-1, 1] or louder, of more than half a window (256).

    Raises:
        ValueError: a patch does not lie within the recording.
    """
    frames = frame_count(len(samples))
    if frames < PATCH_FRAMES:
        repeated = np.resize(log_mel(samples), (PATCH_FRAMES, N_MELS))
        return np.repeat(repeated[None], len(starts), axis=0)
    result = np.empty((len(starts), PATCH_FRAMES, N_MELS), np.float32)
    for row, start in zip(result, starts, strict=True):
        if not 0 <= start <= frames - PATCH_FRAMES:
            raise ValueError(f"a patch from frame {start} on does not lie within {frames} frames")
        row[:] = _frames(_stretch(samples, start, start + PATCH_FRAMES))
    return result


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The whole recording, [frames, 96]: log10(1 + 10000 power) of each band, at most `LOUDEST`; 0 is silence.

    Args:
        samples: as for `patches`.
    """
    return _frames(_stretch(samples, 0, frame_count(len(samples))))


def _stretch(samples: NDArray[np.float32], first: int, last: int) -> NDArray[np.float32]:
    """The samples under the frames from `first` to before `last`, mirrored at the ends of the recording."""
    begin, end = first * HOP - _WINDOW // 2, (last - 1) * HOP + _WINDOW // 2
    inside = samples[max(begin, 0) : max(end, 0)]
    missing = (max(-begin, 0), max(end - len(samples), 0))
    return np.pad(inside, missing, mode="reflect") if any(missing) else inside


def _frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """[frames, 96] of samples that begin and end half a window outside the middles of the first and the last frame."""
    from scipy import fft  # not before: commands that hear nothing ask this module for its constants

    window, bands = _window(), _bands()
    framed = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::HOP]
    result = np.empty((len(framed), N_MELS), np.float32)
    for begin in range(0, len(framed), _BLOCK):
        spectrum = fft.rfft(framed[begin : begin + _BLOCK] * window, axis=1, overwrite_x=True)
        power = np.square(spectrum.real)
        power += np.square(spectrum.imag)
        # Sparse, because a bin is in two bands at most; also, it stays on this core, which a dense product would not.
        mel = bands @ power.T
        mel *= _COMPRESSION
        mel += np.float32(1)
        np.log10(mel, out=mel)
        result[begin : begin + _BLOCK] = np.minimum(mel, np.float32(LOUDEST), out=mel).T
    return result


@cache
def _window() -> NDArray[np.float32]:
    """The periodic Hann window, [512]."""
    return np.square(np.sin(np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)


@cache
def _bands() -> "csr_array":
    """Triangles of equal area on Slaney's mel scale from 0 Hz to 8 kHz, [96, 257]."""
    from scipy.sparse import csr_array

    corners = _hertz(np.linspace(0, _mel(SAMPLE_RATE / 2), N_MELS + 2))
    bins = np.linspace(0, SAMPLE_RATE / 2, _WINDOW // 2 + 1)
    widths = np.diff(corners)[:, None]
    rising = (bins - corners[:-2, None]) / widths[:-1]
    falling = (corners[2:, None] - bins) / widths[1:]
    areas = (corners[2:] - corners[:-2])[:, None] / 2
    return csr_array((np.maximum(0, np.minimum(rising, falling)) / areas).astype(np.float32))


# Slaney's scale: 200/3 Hz a mel up to 1 kHz (15 mel), from there 27 mel to a factor of 6.4.


def _mel(hertz: float) -> float:
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * float(np.log(hertz / 1000) / np.log(6.4))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
