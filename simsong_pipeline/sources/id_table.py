"""Numbers of track ids that stand in a text, without making a string of any: 50 ns an id in place of 1,000."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Of every track id of the Million Song Dataset: TR and sixteen letters and digits.
WIDTH = 18
# Two words of eight bytes and one of two: where each begins, and its type.
_WORDS = ((0, "<u8"), (8, "<u8"), (16, "<u2"))
# Places of a table for each id: of so many, one id in twenty meets another and goes to the next, smaller table.
_ROOM = 8
_Text = NDArray[np.uint8]
_Words = list[NDArray[np.uint64]]


class IdTable:
    """Hash tables of the ids that are `WIDTH` bytes long; of others it knows none.

    Args:
        ids: each once; an id's number is its place here.
    """

    def __init__(self, ids: pl.Series) -> None:
        self._numbers = np.flatnonzero((ids.str.len_bytes() == WIDTH).to_numpy())
        joined = "".join(ids.gather(self._numbers).to_list()).encode()
        starts = np.arange(0, len(joined), WIDTH)
        self._ids = _words(np.frombuffer(joined, np.uint8), starts)
        self._tables: list[NDArray[np.int32]] = []
        self._factors: list[list[np.uint64]] = []
        rng = np.random.default_rng(0)
        left = np.arange(len(starts), dtype=np.int32)
        while len(left):
            self._factors.append(
                list(rng.integers(1 << 63, size=len(_WORDS), dtype=np.uint64) * np.uint64(2) + np.uint64(1))
            )
            table = np.full(1 << (_ROOM * len(left)).bit_length(), -1, np.int32)
            places = _places(_of(self._ids, left), self._factors[-1], len(table))
            table[places] = left
            self._tables.append(table)
            left = left[table[places] != left]

    def numbers(self, text: _Text, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The number of the id at each start, -1 where it is none of these.

        Args:
            text: bytes; `WIDTH` of them from each start.
        """
        asked = _words(text, starts)
        numbers = np.full(len(starts), -1, np.int64)
        left = np.arange(len(starts))
        for table, factors in zip(self._tables, self._factors, strict=True):
            found = table[_places(_of(asked, left), factors, len(table))]
            is_taken = found >= 0
            left, found = left[is_taken], found[is_taken]
            same = np.ones(len(left), bool)
            for own, other in zip(self._ids, asked, strict=True):
                same &= own[found] == other[left]
            numbers[left[same]] = self._numbers[found[same]]
            left = left[~same]
        return numbers


def _words(text: _Text, starts: NDArray[np.int64]) -> _Words:
    """The words [starts] of the id at each start."""
    if not len(starts):
        return [np.zeros(0, np.uint64) for _ in _WORDS]
    room = len(text) - WIDTH + 1
    return [
        np.ndarray((room,), kind, text.data, offset, strides=(1,))[starts].astype(np.uint64) for offset, kind in _WORDS
    ]


def _of(words: _Words, rows: NDArray[np.integer]) -> _Words:
    return [word[rows] for word in words]


def _places(ids: _Words, factors: list[np.uint64], room: int) -> NDArray[np.uint64]:
    mixed = np.zeros(len(ids[0]), np.uint64)
    for word, factor in zip(ids, factors, strict=True):
        mixed ^= word * factor
    return mixed >> np.uint64(64 - (room - 1).bit_length())
