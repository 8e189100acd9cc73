"""Who is similar to whom, as arrays: tracks are numbers here, and pairs the rows of a sparse matrix, 8 bytes a pair.

Of the 56.5 million pairs of Last.fm a frame of texts is 4 GB, and joining or sorting it several times as much.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.schemas import SIMILARITY

# A score as its bits, which are in the order of the scores: those of 1 are the largest, and fit so many bits.
_BITS_OF_ONE, _SCORE_BITS = np.uint64(0x3F800000), 30
# Digits of a score in the data set, which float32 holds without loss.
_DIGITS = 6
# Pairs of which there may be temporary arrays.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Lists:
    """Lists of similar tracks one after the other.

    Attributes:
        owners: [lists] number of the track whose list it is.
        lengths: [lists].
        neighbours: [pairs] numbers of the tracks in the lists.
        scores: [pairs].
    """

    owners: NDArray[np.uint32]
    lengths: NDArray[np.int64]
    neighbours: NDArray[np.uint32]
    scores: NDArray[np.float32] | NDArray[np.float64]

    def part(self, chosen: NDArray[np.bool_]) -> "Lists":
        """Of the lists [lists] that are chosen."""
        pairs = np.repeat(chosen, self.lengths)
        return Lists(self.owners[chosen], self.lengths[chosen], self.neighbours[pairs], self.scores[pairs])

    def pieces(self, most: int) -> Iterator["Lists"]:
        """The same in pieces of at most so many lists."""
        ends = np.append(0, np.cumsum(self.lengths))
        for begin in range(0, len(self.owners), most):
            end = min(begin + most, len(self.owners))
            pairs = slice(ends[begin], ends[end])
            lists = slice(begin, end)
            yield Lists(self.owners[lists], self.lengths[lists], self.neighbours[pairs], self.scores[pairs])


@dataclass(frozen=True)
class Similarity:
    """A sparse matrix [n, n] in compressed rows.

    Attributes:
        ids: [n] track ids in their order, each once; a track's number is its place here.
        starts: [n + 1] where each track's list begins in the other two, and the end of the last.
        neighbours: [pairs] numbers; of a list the best first, equal scores by number.
        scores: [pairs] in (0, 1].
    """

    ids: pl.Series
    starts: NDArray[np.int64]
    neighbours: NDArray[np.uint32]
    scores: NDArray[np.float32]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[n] of the lists."""
        return np.diff(self.starts)

    @property
    def rows(self) -> NDArray[np.uint32]:
        """[pairs] whose list each pair is in."""
        return np.repeat(np.arange(len(self.ids), dtype=np.uint32), self.lengths)

    def neighbours_of(self, number: int) -> NDArray[np.uint32]:
        """Numbers of the tracks in a track's list, best first."""
        return self.neighbours[self.starts[number] : self.starts[number + 1]]

    def numbers(self, track_ids: pl.Series) -> NDArray[np.int64]:
        """The number of each track id, -1 where it is none of these."""
        return numbers_of(track_ids, self.ids)

    def restricted(self, track_ids: pl.Series) -> "Similarity":
        """Among these tracks alone, both ends of every pair; a track without a list has an empty one."""
        ids = sorted_ids(track_ids)
        place = numbers_of(self.ids, ids)
        kept = np.repeat(place >= 0, self.lengths)
        kept &= place[self.neighbours] >= 0
        counts = np.bincount(place[self.rows[kept]], minlength=len(ids))
        neighbours = place[self.neighbours[kept]].astype(np.uint32)
        return Similarity(ids, _starts(counts), neighbours, self.scores[kept])

    def to_frame(self) -> pl.DataFrame:
        """The pairs as a frame of `schemas.SIMILARITY`, in their order."""
        rows = self.rows
        ranks = np.arange(1, len(rows) + 1, dtype=np.int64) - np.repeat(self.starts[:-1], self.lengths)
        columns = {
            "track_id": self.ids.gather(pl.Series(rows)),
            "neighbour_id": self.ids.gather(pl.Series(self.neighbours)),
            "score": pl.Series(as_written(self.scores)),
            "rank": pl.Series(ranks.astype(np.uint32)),
        }
        return pl.DataFrame(columns).select(*SIMILARITY.columns)


def sorted_ids(track_ids: pl.Series) -> pl.Series:
    """Each id once, in order."""
    return track_ids.drop_nulls().unique().sort().alias("track_id")


def numbers_of(track_ids: pl.Series, ids: pl.Series) -> NDArray[np.int64]:
    """The place of each track id among `ids`, -1 where it is not there."""
    places = pl.DataFrame({"track_id": ids}, schema={"track_id": pl.String}).with_row_index("number")
    asked = pl.DataFrame({"track_id": track_ids}, schema={"track_id": pl.String})
    found = asked.join(places, on="track_id", how="left", maintain_order="left")
    return found["number"].cast(pl.Int64).fill_null(-1).to_numpy()


def from_frame(pairs: pl.DataFrame, track_ids: pl.Series | None = None) -> Similarity:
    """Of a frame with track_id, neighbour_id and score; without a score all are alike.

    Args:
        track_ids: the tracks that there are; pairs with another end are left out. All that occur where null.
    """
    ids = sorted_ids(pl.concat([pairs["track_id"], pairs["neighbour_id"]]) if track_ids is None else track_ids)
    return gathered(ids, [lists_of(pairs, ids)])


def lists_of(pairs: pl.DataFrame, ids: pl.Series) -> Lists:
    """The rows of a frame as lists; those with an end that is not among `ids` are left out."""
    owners, neighbours = (numbers_of(pairs[name], ids) for name in ("track_id", "neighbour_id"))
    scores = pairs["score"].to_numpy() if "score" in pairs.columns else np.ones(pairs.height)
    known = np.flatnonzero((owners >= 0) & (neighbours >= 0))
    order = known[np.argsort(owners[known], kind="stable")]
    found, lengths = np.unique(owners[order], return_counts=True)
    return Lists(found.astype(np.uint32), lengths, neighbours[order].astype(np.uint32), scores[order])


def gathered(ids: pl.Series, parts: Iterable[Lists]) -> Similarity:
    """All lists as one matrix, however they come.

    Pairs of a track with itself and scores outside (0, 1] are dropped; of a pair that is there several times, in one
    list or in several, the best score counts.

    Args:
        ids: track ids in order, each once; the lists have their numbers.
    """
    most = _lists_at_once(len(ids))
    kept = [_ranked(piece, len(ids)) for part in parts for piece in part.pieces(most)]
    return _assembled(ids, _without_repeated(kept, len(ids)))


def _lists_at_once(count: int) -> int:
    """Lists whose numbers fit a key beside a score and a track's number."""
    return 1 << max(0, 64 - _SCORE_BITS - _bits(count))


def _bits(count: int) -> int:
    return max(1, (count - 1).bit_length())


def _ranked(lists: Lists, count: int) -> Lists:
    """Each list in its order. Sorted are single integers, which takes a tenth of the time of sorting by columns."""
    bits, own = _bits(count), np.repeat(np.arange(len(lists.owners), dtype=np.uint64), lists.lengths)
    usable = (lists.scores > 0) & (lists.scores <= 1) & (lists.neighbours != np.repeat(lists.owners, lists.lengths))
    own, columns = own[usable], lists.neighbours[usable].astype(np.uint64)
    worse = _BITS_OF_ONE - _as_bits(lists.scores[usable])
    keys = own << (bits + _SCORE_BITS) | columns << _SCORE_BITS | worse
    keys.sort()
    pairs = keys >> _SCORE_BITS
    first = np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]
    pairs, worse = pairs[first], keys[first] & np.uint64((1 << _SCORE_BITS) - 1)
    column = np.uint64((1 << bits) - 1)
    keys = (pairs >> bits) << (bits + _SCORE_BITS) | worse << bits | pairs & column
    keys.sort()
    lengths = np.bincount((keys >> (bits + _SCORE_BITS)).astype(np.int64), minlength=len(lists.owners))
    score_bits = _BITS_OF_ONE - (keys >> bits & np.uint64((1 << _SCORE_BITS) - 1))
    scores = score_bits.astype(np.uint32).view(np.float32)
    return Lists(lists.owners, lengths, (keys & column).astype(np.uint32), scores)


def _as_bits(scores: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.uint64]:
    """Of scores in (0, 1]; one that is too small for float32 stays above 0."""
    return np.maximum(scores.astype(np.float32).view(np.uint32), 1).astype(np.uint64)


def _without_repeated(parts: list[Lists], count: int) -> list[Lists]:
    """The same with one list a track; those of one track are ranked together."""
    owners = np.concatenate([part.owners for part in parts] or [np.zeros(0, np.uint32)])
    repeated = np.bincount(owners, minlength=count) > 1
    if not repeated.any():
        return parts
    several = [part.part(repeated[part.owners]) for part in parts]
    rows = np.concatenate([np.repeat(part.owners, part.lengths) for part in several])
    order = np.argsort(rows, kind="stable")
    found, lengths = np.unique(rows, return_counts=True)
    neighbours, scores = (np.concatenate([getattr(p, n) for p in several])[order] for n in ("neighbours", "scores"))
    together = Lists(found, lengths, neighbours, scores)
    single = [part.part(~repeated[part.owners]) for part in parts]
    return single + [_ranked(piece, count) for piece in together.pieces(_lists_at_once(count))]


def _assembled(ids: pl.Series, parts: list[Lists]) -> Similarity:
    """Parts of one list a track in the order of the tracks; each part is let go once it is in its place."""
    counts = np.zeros(len(ids), np.int64)
    for part in parts:
        counts[part.owners] = part.lengths
    starts = _starts(counts)
    neighbours, scores = np.empty(starts[-1], np.uint32), np.empty(starts[-1], np.float32)
    while parts:
        part = parts.pop()
        before = np.cumsum(part.lengths) - part.lengths
        places = np.repeat(starts[part.owners] - before, part.lengths) + np.arange(len(part.neighbours))
        neighbours[places], scores[places] = part.neighbours, part.scores
    return Similarity(ids, starts, neighbours, scores)


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(0, np.cumsum(counts))


def as_written(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """[pairs] the decimal of six digits that a score was read from, as float64; others keep the value they have.

    A quotient of two integers that float64 holds is the nearest to the decimal, as reading the decimal is.
    """
    values = scores.astype(np.float64)
    for begin in range(0, len(values), _AT_ONCE):
        own = values[begin : begin + _AT_ONCE]
        power = 10.0 ** np.clip(_DIGITS - 1 - np.floor(np.log10(own)), 0, 22)
        decimals = np.rint(own * power) / power
        same = decimals.astype(np.float32) == scores[begin : begin + _AT_ONCE]
        own[same] = decimals[same]
    return values
