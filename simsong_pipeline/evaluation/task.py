"""What is asked: which songs are relevant to which, and which may be recommended for which. Sparse, never [n, n]."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.errors import EvaluationError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Numbers = NDArray[np.int64]
# A song's label where it has none: it is like no other, not even like those without.
NO_LABEL = -1
# Queries of a larger gallery that are enough: their mean is known to a few thousandths.
MOST_QUERIES = 20_000


@dataclass(frozen=True)
class Candidates:
    """For each song of a gallery all others, or those of another label, or of the same.

    Attributes:
        songs: of the gallery.
        unlike: [songs] labels; candidates are of another than the query's.
        like: [songs] labels, `NO_LABEL` for none; candidates are of the query's.
    """

    songs: int
    unlike: Numbers | None = None
    like: Numbers | None = None

    def of(self, rows: Numbers) -> NDArray[np.bool_]:
        """[rows, songs] true where column may be recommended for the song of the row; never for itself."""
        allowed = np.ones((len(rows), self.songs), bool)
        if self.unlike is not None:
            allowed &= self.unlike[rows][:, None] != self.unlike[None]
        if self.like is not None:
            allowed &= (self.like[rows][:, None] == self.like[None]) & (self.like != NO_LABEL)[None]
        allowed[np.arange(len(rows)), rows] = False
        return allowed

    def hold(self, rows: Numbers, columns: Numbers) -> NDArray[np.bool_]:
        """[pairs] the same of single pairs."""
        allowed = rows != columns
        if self.unlike is not None:
            allowed &= self.unlike[rows] != self.unlike[columns]
        if self.like is not None:
            allowed &= (self.like[rows] == self.like[columns]) & (self.like[rows] != NO_LABEL)
        return np.asarray(allowed, bool)

    def counts(self, rows: Numbers) -> Numbers:
        """[rows] how many there are for each song."""
        if self.like is None:
            among = np.full(self.songs, self.songs)
        else:
            among = np.where(self.like == NO_LABEL, 0, _sizes(self.like))
        barred = np.ones(self.songs, np.int64)
        if self.unlike is not None:
            barred = _sizes(self.unlike if self.like is None else _both(self.unlike, self.like))
        counts: Numbers = np.maximum(among - barred, 0)[rows]
        return counts


def _sizes(labels: Numbers) -> Numbers:
    """[n] how many have each one's label."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return counts[place]


def _both(first: Numbers, second: Numbers) -> Numbers:
    """[n] a label for each pair of labels."""
    return np.unique(np.stack([first, second]), axis=1, return_inverse=True)[1].ravel()


@dataclass(frozen=True)
class Task:
    """What is relevant to what among the songs of a gallery.

    Attributes:
        relevant: [asked, songs] sparse, true where column is relevant to the row's song and a candidate for it.
        candidates: what may be recommended.
        asked: [asked] the songs whose rankings are looked at; queries are those of them with a relevant one.
    """

    relevant: "csr_array"
    candidates: Candidates
    asked: Numbers

    def __post_init__(self) -> None:
        if not self.queries.any():
            raise EvaluationError(
                "no query has a relevant song in the gallery, so nothing can be measured: evaluate on more songs, "
                "or choose another relevance (--relevance artist or genre)"
            )

    @property
    def relevant_counts(self) -> Numbers:
        """[asked] relevant candidates of each song."""
        counts: Numbers = np.diff(self.relevant.indptr).astype(np.int64)
        return counts

    @property
    def queries(self) -> NDArray[np.bool_]:
        """[asked] true for songs with at least one relevant candidate."""
        return self.relevant_counts > 0

    def hits(self, rows: Numbers, columns: Numbers) -> NDArray[np.bool_]:
        """[...] whether these columns are relevant to the songs of these rows; a column of -1 is not."""
        keys = (
            np.repeat(np.arange(len(self.asked)), self.relevant_counts) * self.candidates.songs + self.relevant.indices
        )
        wanted = rows * self.candidates.songs + columns
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        found: NDArray[np.bool_] = (keys[at] == wanted) & (columns >= 0)
        return found


def build_task(
    relevant: "csr_array | NDArray[np.bool_]", artist: Numbers | None = None, most: int = MOST_QUERIES, seed: int = 0
) -> Task:
    """A task over all pairs of different songs, or, given artists [n], of different artists.

    Args:
        relevant: [n, n], sparse or not.
        most: of more songs only so many are asked, drawn from those that have a relevant one, of any artist.
    """
    candidates = Candidates(relevant.shape[0], unlike=artist)
    return asked_task(relevant, candidates, _drawn(relevant, most, seed))


def asked_task(relevant: "csr_array | NDArray[np.bool_]", candidates: Candidates, asked: Numbers | None = None) -> Task:
    """A task of the relevant pairs [songs, songs] that are candidates; all songs are asked where `asked` is null."""
    from scipy.sparse import csr_array  # not before: fusion, which a query loads too, asks for no task

    chosen = np.arange(candidates.songs) if asked is None else asked
    pairs = csr_array(relevant)[chosen].tocoo()
    rows, columns = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
    kept = candidates.hold(chosen[rows], columns) & (pairs.data != 0)
    ones = np.ones(int(kept.sum()), bool)
    within = csr_array((ones, (rows[kept], columns[kept])), shape=(len(chosen), candidates.songs))
    within.sort_indices()
    return Task(within, candidates, chosen)


def _drawn(relevant: "csr_array | NDArray[np.bool_]", most: int, seed: int) -> Numbers | None:
    if relevant.shape[0] <= most:
        return None
    from scipy.sparse import csr_array

    pairs = csr_array(relevant).tocoo()
    answerable = np.unique(pairs.row[pairs.row != pairs.col]).astype(np.int64)
    if len(answerable) <= most:
        return answerable
    return np.sort(np.random.default_rng(seed).choice(answerable, most, replace=False))
