"""Rows by the words that begin in some way, for a search as one types: a sorted list of words and where each occurs."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Behind every letter.
_LAST = "\U0010ffff"


class WordIndex:
    """The words of one or several columns of texts, which are folded already."""

    def __init__(self, words: list[str], ends: NDArray[np.int64], rows: NDArray[np.uint32], size: int) -> None:
        self._words, self._ends, self._rows, self._size = words, ends, rows, size

    @classmethod
    def of(cls, columns: Sequence[pl.Series]) -> "WordIndex":
        """Of columns of equal length."""
        size = len(columns[0])
        parts = [_words_of(column) for column in columns]
        pairs = pl.concat(parts).unique().sort("word", "row")
        counts = pairs.group_by("word", maintain_order=True).len()
        ends = counts["len"].cast(pl.Int64).cum_sum().to_numpy()
        return cls(counts["word"].to_list(), ends, pairs["row"].to_numpy(), size)

    def rows(self, folded_query: str) -> NDArray[np.intp]:
        """Rows in ascending order that have, for each word of the query, one that begins with it; all for none."""
        found = np.ones(self._size, np.bool_)
        for word in folded_query.split():
            found &= self._having(word)
        return np.flatnonzero(found)

    def _having(self, begin: str) -> NDArray[np.bool_]:
        first, beyond = bisect_left(self._words, begin), bisect_left(self._words, begin + _LAST)
        having = np.zeros(self._size, np.bool_)
        if beyond > first:
            having[self._rows[int(self._ends[first - 1]) if first else 0 : int(self._ends[beyond - 1])]] = True
        return having


def _words_of(column: pl.Series) -> pl.DataFrame:
    """word, row."""
    rows = pl.DataFrame({"word": column.str.split(" "), "row": pl.int_range(len(column), dtype=pl.UInt32, eager=True)})
    return rows.explode("word").filter(pl.col("word") != "")
