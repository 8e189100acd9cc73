"""Lyrics as bags of words: each word's count, weighed by how rare it is, reduced to a few hundred numbers.

A bag is carried as the text that has each of its words as often as it counts (`sources.musixmatch`), so pages and bags
are read alike here. What fits the numbers that this takes is `lyrics.bag_fitting`.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

# Counts up when a text gives other words than before.
READING = 1
_WORD = re.compile(r"\w+")
# Songs at once, whose weights are a few hundred megabytes at most.
_AT_ONCE = 20_000


@dataclass(frozen=True)
class BagModel:
    """What the counts are multiplied by.

    Attributes:
        words: [v] that count, the most frequent first.
        idf: [v] ln((1 + songs) / (1 + songs with the word)) + 1.
        components: [v, k] to the reduced numbers.
    """

    words: tuple[str, ...]
    idf: NDArray[np.float32]
    components: NDArray[np.float32]

    @cached_property
    def places(self) -> dict[str, int]:
        """The column of each word."""
        return {word: n for n, word in enumerate(self.words)}

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[texts, k] unit vectors; zero for a text that has none of the words."""
        parts = [self._embedded(texts[begin : begin + _AT_ONCE]) for begin in range(0, len(texts), _AT_ONCE)]
        return np.concatenate([np.zeros((0, self.components.shape[1]), np.float32), *parts])

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        reduced = tf_idf(word_counts(texts, self.places), self.idf) @ self.components
        lengths = np.linalg.norm(reduced, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (reduced / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit


def words_of(text: str) -> list[str]:
    """The words of a text in their order, letter case aside."""
    return _WORD.findall(text.casefold())


def word_counts(texts: Sequence[str], places: dict[str, int]) -> "csr_array":
    """[texts, words] how often each has each of the known words."""
    from scipy.sparse import csr_array  # not before: a home whose lyrics are texts needs none of this

    columns: list[int] = []
    counts: list[int] = []
    starts = [0]
    for text in texts:
        for word, count in Counter(words_of(text)).items():
            if word in places:
                columns.append(places[word])
                counts.append(count)
        starts.append(len(columns))
    matrix = csr_array((np.array(counts, np.float32), columns, starts), shape=(len(texts), len(places)))
    matrix.sort_indices()
    return matrix


def tf_idf(counts: "csr_array", idf: NDArray[np.float32]) -> "csr_array":
    """Rows of unit length of (1 + ln count) x idf; a row without a word stays zero."""
    weighed = counts.copy()
    weighed.data = (1 + np.log(counts.data)) * idf[counts.indices]
    squares = np.add.reduceat(np.append(weighed.data**2, 0), counts.indptr[:-1]) if counts.shape[0] else np.zeros(0)
    lengths = np.sqrt(np.where(np.diff(counts.indptr) > 0, squares, 1))
    weighed.data /= np.repeat(lengths, np.diff(counts.indptr)).astype(np.float32)
    return weighed
