"""The songs nearest to each song of an index, by one ranking: what most questions come to.

All of them together take as long as some eight thousand searches, and are exact.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.asking.recommend import Ranking
from simsong_pipeline.points import SONG_VECTOR, Point, Restriction, fusion_query

# Songs of a list, the song itself among them: more than a page shows, and some that may be hidden.
LENGTH = 64
# What songs are hidden by.
FIELDS = ("track_id", "artist_id", "outlier")
_MANY = 100
_AT_ONCE, _SCORES_AT_ONCE, _BLOCK = 256, 5_000_000, 50


class StoppedError(Exception):
    """Nobody wants the lists any more."""


@dataclass(frozen=True, eq=False)
class NearLists:
    """The lists of all songs.

    Attributes:
        rows: of the lists, by the point's id.
        near, scores: [n, m] rows of songs and their scores, the highest first; m is `LENGTH`, or n where that is less.
        point_ids: by row.
        having: the rows that have a value in a field, by field and value.
    """

    rows: Mapping[str, int]
    near: NDArray[np.int32]
    scores: NDArray[np.float32]
    point_ids: list[str]
    having: Mapping[str, Mapping[object, Collection[int]]]

    def found(self, point_id: str, limit: int, restriction: Restriction) -> list[tuple[str, float]] | None:
        """Ids of the nearest points with their scores, as a store finds them; null where the lists do not say.

        They do not where songs are chosen by more than that fields of theirs are none of some values, and where too
        many songs of a list are hidden.
        """
        row = self.rows.get(point_id)
        if row is None or restriction.any_of or restriction.between or not restriction.none_of.keys() <= set(FIELDS):
            return None
        few, many = self._hidden(restriction)
        found: list[tuple[str, float]] = []
        for near, score in zip(self.near[row].tolist(), self.scores[row].tolist(), strict=True):
            if len(found) == limit:
                return found
            if near not in few and not any(near in rows for rows in many):
                found.append((self.point_ids[near], score))
        is_whole = len(found) == limit or len(self.point_ids) == self.near.shape[1]
        return found if is_whole else None

    def _hidden(self, restriction: Restriction) -> tuple[set[int], list[Collection[int]]]:
        """The rows that may not come: a set of them, and further ones that are too large to make one of all."""
        few, many = set[int](), list[Collection[int]]()
        for name, values in restriction.none_of.items():
            having = self.having[name]
            for value in values:
                rows = having.get(value, ())
                if len(rows) > _MANY:
                    many.append(rows)
                else:
                    few.update(rows)
        return few, many


def near_lists(songs: Iterable[Point], ranking: Ranking, is_wanted: Callable[[], bool]) -> NearLists:
    """The lists of all songs of an index.

    Args:
        songs: with their vectors `song` and `audio`, and `FIELDS` as payload.
        is_wanted: asked now and then.

    Raises:
        StoppedError: they were not any more.
    """
    point_ids, vectors, queries = list[str](), list[NDArray[np.float32]](), list[NDArray[np.float32]]()
    having: dict[str, dict[object, list[int]]] = {name: {} for name in FIELDS}
    for song in songs:
        _go_on(is_wanted)
        for name, rows_of in having.items():
            rows_of.setdefault(song.payload.get(name), []).append(len(point_ids))
        point_ids.append(song.point_id)
        vectors.append(song.vectors[SONG_VECTOR])
        audio_dim = len(song.vectors["audio"])
        queries.append(fusion_query(vectors[-1], audio_dim, ranking.audio_weight, ranking.hubness))
    rows = {point_id: row for row, point_id in enumerate(point_ids)}
    near, scores = _nearest(np.array(queries), np.array(vectors), is_wanted)
    return NearLists(rows, near, scores, point_ids, {name: _sets(rows_of) for name, rows_of in having.items()})


def _sets(rows_of: Mapping[object, list[int]]) -> dict[object, Collection[int]]:
    """Many rows as a set, few as they are, which takes less."""
    return {value: frozenset(rows) if len(rows) > _MANY else tuple(rows) for value, rows in rows_of.items()}


def _go_on(is_wanted: Callable[[], bool]) -> None:
    if not is_wanted():
        raise StoppedError


def _nearest(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], is_wanted: Callable[[], bool]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """[n, m] Rows of the vectors of the highest inner products with each query, and these, the highest first."""
    count = len(vectors)
    length, at_once = min(LENGTH, count), max(1, min(_AT_ONCE, _SCORES_AT_ONCE // max(1, count)))
    near, scores = np.empty((count, length), np.int32), np.empty((count, length), np.float32)
    for begin in range(0, count, at_once):
        _go_on(is_wanted)
        rows = slice(begin, begin + at_once)
        near[rows], scores[rows] = _best(queries[rows] @ vectors.T, length)
    return near, scores


def _best(scores: NDArray[np.float32], length: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """[b, length] Columns of the highest of scores [b, n], and these, the highest first, then by column.

    In as many blocks of columns there are as many scores that are as high as the lowest of these blocks' highest: what
    is lower need not be sorted, and finding it takes a fifth of the time of a partition.
    """
    count = scores.shape[1]
    if count < length * _BLOCK:
        best = np.argsort(-scores, axis=1, kind="stable")[:, :length]
        return best, np.take_along_axis(scores, best, axis=1)
    columns, own = np.empty((len(scores), length), np.intp), np.empty((len(scores), length), np.float32)
    highest = scores[:, : count - count % _BLOCK].reshape(len(scores), -1, _BLOCK).max(axis=2)
    for row, bound in enumerate(np.partition(highest, -length, axis=1)[:, -length]):
        enough = np.flatnonzero(scores[row] >= bound)
        order = np.argsort(-scores[row, enough], kind="stable")[:length]
        columns[row], own[row] = enough[order], scores[row, enough[order]]
    return columns, own
