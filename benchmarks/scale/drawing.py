"""Draws songs, artists, lists of similar songs and tags with planted communities. Nothing is written here.

Songs stand in the order of their communities: a community is a range of numbers, and so is an artist. Most of a list's
songs are of the list's own community, and the smaller a community the denser it is.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
# Of the Million Song Dataset and Last.fm's data: songs an artist, shares of the songs that have lists and tags.
_SONGS_AN_ARTIST, WITH_LISTS, WITH_TAGS = 22.3, 0.584897, 0.505216
# Songs of a list on average, tags of a song, and songs for each tag.
LENGTH, _TAGS_A_SONG, _SONGS_A_TAG = 97, 20, 2.0
_OWN_COMMUNITY = 0.85
_SMALLEST, _LARGEST = 120, 4_000
_LETTERS = np.frombuffer(string.ascii_uppercase.encode(), np.uint8)
_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)


@dataclass(frozen=True)
class Songs:
    """All songs by number.

    Attributes:
        ids: [n, 18] bytes of the track ids, which are in no order.
        artists: [n] number of each song's artist.
        begins, sizes: [n] of the community that each song is in.
    """

    ids: NDArray[np.uint8]
    artists: Ints
    begins: Ints
    sizes: Ints


@dataclass(frozen=True)
class Lists:
    """Some lists of similar songs, one after the other: row and column of each pair, and the number of its score."""

    rows: Ints
    columns: Ints
    scores: Ints


def draw_songs(count: int, seed: int) -> Songs:
    """`count` songs by as many artists as there would be of so many."""
    rng = np.random.default_rng([seed, 0])
    most = max(2, min(_LARGEST, count // 4))
    sizes = np.exp(rng.uniform(np.log(min(_SMALLEST, most - 1)), np.log(most), count)).astype(np.int64)
    begins, lengths = _ranges(sizes, count)
    artists, _ = _ranges(1 + rng.exponential(_SONGS_AN_ARTIST - 1, count).astype(np.int64), count)
    return Songs(_ids(count, rng), np.unique(artists, return_inverse=True)[1], begins, lengths)


def _ranges(sizes: Ints, count: int) -> tuple[Ints, Ints]:
    """Begin and length of the range that each of `count` numbers is in, ranges of these sizes being laid in a row."""
    ends = np.cumsum(sizes)
    ends = np.append(ends[ends < count], count)
    begins = np.append(0, ends[:-1])
    lengths = ends - begins
    return np.repeat(begins, lengths), np.repeat(lengths, lengths)


def _ids(count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Different ids of the data set's form: TR, five letters, 128F or 12903, and hexadecimal digits."""
    ids = np.empty((count, 18), np.uint8)
    ids[:, :2] = np.frombuffer(b"TR", np.uint8)
    numbers = rng.choice(26**5, count, replace=False, shuffle=True)
    for place in range(5):
        ids[:, 2 + place] = _LETTERS[numbers // 26**place % 26]
    ids[:, 7:] = _HEX[rng.integers(16, size=(count, 11))]
    ids[:, 7:11] = np.frombuffer(b"128F", np.uint8)
    newer = rng.random(count) < 0.3
    ids[newer, 7:12] = np.frombuffer(b"12903", np.uint8)
    return ids


def draw_lists(songs: Songs, seed: int, songs_at_once: int, different_scores: int) -> Iterator[Lists]:
    """The lists of some songs at a time, each in no order, no song in its own and none twice."""
    rng = np.random.default_rng([seed, 1])
    count = len(songs.ids)
    listed = rng.permutation(count)[: max(1, round(WITH_LISTS * count))]
    for begin in range(0, len(listed), songs_at_once):
        chosen = listed[begin : begin + songs_at_once]
        lengths = np.clip(rng.gamma(2.0, LENGTH / 2, len(chosen)).astype(np.int64), 1, 250)
        rows = np.repeat(np.arange(len(chosen)), lengths)
        own, total = chosen[rows], len(rows)
        near = songs.begins[own] + (rng.random(total) * songs.sizes[own]).astype(np.int64)
        columns = np.where(rng.random(total) < _OWN_COMMUNITY, near, rng.integers(count, size=total))
        pairs = np.unique(rows[columns != own] * count + columns[columns != own])
        found, others = pairs // count, pairs % count
        yield Lists(chosen[found], others, rng.integers(different_scores, size=len(pairs)))


def score_texts(count: int, seed: int) -> list[str]:
    """Scores as the data set writes them, from 1 downwards; most are small."""
    drawn = np.random.default_rng([seed, 2]).random(count)
    return [f"{10 ** (-4.3 * u**1.5):.6g}" for u in drawn.tolist()]


@dataclass(frozen=True)
class Tags:
    """Numbers of songs that have tags, how many tags there are, and (song's place, tag, weight) of some songs."""

    songs: Ints
    tags: int
    rows: Iterator[NDArray[np.float64]]


def draw_tags(count: int, seed: int, songs_at_once: int) -> Tags:
    """A song's tags are different ones; few tags are of many songs."""
    rng = np.random.default_rng([seed, 3])
    tagged = np.sort(rng.permutation(count)[: max(1, round(WITH_TAGS * count))])
    tags = max(40, round(len(tagged) / _SONGS_A_TAG * 2))
    return Tags(tagged, tags, _tag_rows(len(tagged), tags, rng, songs_at_once))


def _tag_rows(songs: int, tags: int, rng: np.random.Generator, songs_at_once: int) -> Iterator[NDArray[np.float64]]:
    for begin in range(0, songs, songs_at_once):
        these = np.arange(begin, min(songs, begin + songs_at_once))
        owners = np.repeat(these, np.minimum(1 + rng.exponential(_TAGS_A_SONG, len(these)).astype(np.int64), 100))
        drawn = (tags * rng.random(len(owners)) ** 6).astype(np.int64)
        pairs = np.unique(owners * tags + drawn)
        yield np.stack([pairs // tags, pairs % tags, rng.integers(1, 101, len(pairs))], axis=1).astype(np.float64)
