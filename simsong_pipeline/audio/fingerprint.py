"""Is it the same recording in another encoding? Binary fingerprints of log-mels, compared bit by bit.

A bit says whether the difference of two neighbouring bands grew since the frame before (Haitsma & Kalker, 2002, "A
highly robust audio fingerprinting system"). Two encodings of a recording agree in nearly all bits, two recordings in
half of them.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

_BANDS = 32
_SMOOTHED_FRAMES = 9
_SHIFTS = 8  # frames, for the delay that an encoder adds
# Sure means: far below the half of unrelated recordings.
SAME_BITS = 0.25
DURATION_TOLERANCE_S = 2.0
# Two encodings differ by less in their mean spectrum (36 recordings as mp3 of 32 kbit/s: 45 of 48 by less than 2 dB).
_SPECTRUM_TOLERANCE_DB = 3.0
_BLOCK = 512

Codes = NDArray[np.uint32]


@dataclass(frozen=True)
class Fingerprint:
    """codes [frames - 1], 31 bits each; spectrum [2 n_mels]: mean and deviation of each band in dB, level taken off."""

    codes: Codes
    spectrum: NDArray[np.float32]


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


@dataclass(frozen=True)
class SameRecording:
    """Two songs that are one recording: the shares of differing bits, and both durations agree."""

    kept: str
    copy: str
    bit_error: float


def same_recordings(
    fingerprints: Mapping[str, Fingerprint],
    durations: Mapping[str, float],
    preference: Sequence[str],
    fresh: Set[str] | None = None,
    before: Sequence[tuple[str, str]] = (),
) -> list[SameRecording]:
    """Copies among the songs, each with the one to keep.

    Args:
        durations: of the whole recordings, in seconds.
        preference: all songs, the one to keep of two first.
        fresh: songs that were not compared before; all where null. Two others are compared only where they are in
            `before`, the pairs that were found then.
    """
    rank = {song: n for n, song in enumerate(preference)}
    gone: set[str] = set()
    found = []
    near = (p for p in _candidates(fingerprints, durations) if fresh is None or p[0] in fresh or p[1] in fresh)
    pairs = [sorted(pair, key=rank.__getitem__) for pair in {*near, *before}]
    for kept, copy in sorted(pairs, key=lambda pair: (rank[pair[0]], rank[pair[1]])):
        if {kept, copy} & gone:
            continue
        error = bit_error(fingerprints[kept].codes, fingerprints[copy].codes)
        if error <= SAME_BITS:
            gone.add(copy)
            found.append(SameRecording(kept, copy, error))
    return found


def _candidates(fingerprints: Mapping[str, Fingerprint], durations: Mapping[str, float]) -> Iterator[tuple[str, str]]:
    """Pairs of about one length and one mean spectrum: only those are worth comparing bit by bit."""
    songs = sorted(fingerprints, key=lambda song: (durations[song], song))
    if not songs:
        return
    lengths = np.array([durations[song] for song in songs])
    spectra = np.stack([fingerprints[song].spectrum for song in songs])
    for begin in range(0, len(songs), _BLOCK):
        rows = slice(begin, min(begin + _BLOCK, len(songs)))
        end = int(np.searchsorted(lengths, lengths[rows.stop - 1] + DURATION_TOLERANCE_S, side="right"))
        columns = slice(begin, end)
        squared = np.square(spectra[rows]).sum(axis=1)[:, None] + np.square(spectra[columns]).sum(axis=1)[None]
        distance = squared - 2 * spectra[rows] @ spectra[columns].T
        near = distance <= _SPECTRUM_TOLERANCE_DB**2 * spectra.shape[1]
        near &= lengths[columns][None] - lengths[rows][:, None] <= DURATION_TOLERANCE_S
        for row, column in zip(*np.nonzero(np.triu(near, 1)), strict=True):
            yield songs[begin + row], songs[begin + column]
