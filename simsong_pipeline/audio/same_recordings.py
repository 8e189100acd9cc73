"""Which songs are one recording: pairs of about one length and one mean spectrum, then compared bit by bit.

A pair is chosen by its two songs alone, whatever other songs are compared at the same time: a night that compares what
is new with what is there finds the pairs that comparing everything would.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Sure means: far below the half of unrelated recordings.
SAME_BITS = 0.25
DURATION_TOLERANCE_S = 2.0
# Two encodings differ by less in their mean spectrum (36 recordings as mp3 of 32 kbit/s: 45 of 48 by less than 2 dB).
_SPECTRUM_TOLERANCE_DB = 3.0
_BLOCK = 512
# Of the squares that a product of matrices is rounded in: what it chooses is measured again.
_ROUNDING = 1e-4

Pair = tuple[str, str]


@dataclass(frozen=True)
class SameRecording:
    """Two songs that are one recording: the shares of differing bits, and both durations agree."""

    kept: str
    copy: str
    bit_error: float


def same_recordings(
    pairs: Iterable[Pair], preference: Sequence[str], error_of: Callable[[str, str], float]
) -> list[SameRecording]:
    """Copies among pairs of songs, each with the one to keep; a song that left is compared with no other.

    Args:
        preference: all songs of the pairs, the one to keep of two first.
        error_of: the share of differing bits of two songs.
    """
    rank = {song: n for n, song in enumerate(preference)}
    gone: set[str] = set()
    found = []
    ordered = {tuple(sorted(pair, key=rank.__getitem__)) for pair in pairs}
    for kept, copy in sorted(ordered, key=lambda pair: (rank[pair[0]], rank[pair[1]])):
        if {kept, copy} & gone:
            continue
        error = error_of(kept, copy)
        if error <= SAME_BITS:
            gone.add(copy)
            found.append(SameRecording(kept, copy, error))
    return found


@dataclass(frozen=True)
class Sketches:
    """By what pairs are chosen: track ids, seconds of the whole recordings [n], mean spectra [n, 2 n_mels]."""

    songs: Sequence[str]
    lengths: NDArray[np.float64]
    spectra: NDArray[np.float32]

    def by_length(self, which: NDArray[np.bool_]) -> "Sketches":
        """Some of them, the shortest first."""
        rows = np.flatnonzero(which)
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        return Sketches([self.songs[row] for row in rows.tolist()], self.lengths[rows], self.spectra[rows])


def near_pairs(sketches: Sketches, fresh: NDArray[np.bool_]) -> list[Pair]:
    """Pairs that are worth comparing bit by bit, each once: of two fresh songs, or of a fresh one and another.

    Args:
        fresh: [n], of the songs that were not compared before.
    """
    new, old = sketches.by_length(fresh), sketches.by_length(~fresh)
    pairs = [(new.songs[row], new.songs[column]) for row, column in _near(new, new) if row < column]
    return pairs + [(new.songs[row], old.songs[column]) for row, column in _near(new, old)]


def _near(rows: Sketches, columns: Sketches) -> Iterator[tuple[int, int]]:
    """Row and column of the pairs; where both are the same songs, of each pair at least the one with row < column."""
    upper = rows is columns
    for begin in range(0, len(rows.songs), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        lengths, spectra = rows.lengths[block], rows.spectra[block]
        first = begin if upper else int(np.searchsorted(columns.lengths, lengths[0] - DURATION_TOLERANCE_S, "left"))
        last = int(np.searchsorted(columns.lengths, lengths[-1] + DURATION_TOLERANCE_S, "right"))
        near = _may_be_near(spectra, columns.spectra[first:last])
        near &= np.abs(columns.lengths[first:last][None] - lengths[:, None]) <= DURATION_TOLERANCE_S
        found, among = np.nonzero(np.triu(near, 1) if upper else near)
        sure = _are_near(spectra[found], columns.spectra[first + among])
        yield from zip((begin + found[sure]).tolist(), (first + among[sure]).tolist(), strict=True)


def _may_be_near(spectra: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n, m]: all pairs that `_are_near` finds near, and a few more."""
    squares = np.square(spectra).sum(axis=1)[:, None] + np.square(others).sum(axis=1)[None]
    distance = squares - 2 * spectra @ others.T
    near: NDArray[np.bool_] = distance <= _SPECTRUM_TOLERANCE_DB**2 * spectra.shape[1] + _ROUNDING * squares
    return near


def _are_near(spectra: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """[n], row by row."""
    near = np.zeros(len(spectra), bool)
    for begin in range(0, len(spectra), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        apart = spectra[block].astype(np.float64) - others[block]
        near[block] = np.square(apart).mean(axis=1) <= _SPECTRUM_TOLERANCE_DB**2
    return near
