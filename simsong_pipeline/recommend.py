"""Similar songs: which query is asked of the index, and how a song is found by words.

A song's point has two vectors of its own, `audio` and `lyrics`, and one for both, `song`: the audio and the
lyric vector one after the other, under dot product. With the query [w * audio; (1 - w) * lyrics] its score
is w * cos(audio) + (1 - w) * cos(lyrics): the fusion is exact, in one query, with any weight at query time.
A song without lyrics has zeros there, which for centred lyric vectors is the average likeness.

Two more numbers are a song's hubness by audio and by lyrics: its mean cosine with its nearest among the songs that the
model was trained on. A query that takes them off, [...; -h w / 2; -h (1 - w) / 2], corrects rankings for songs that
are near to everything. By audio alone and with h = 1 that is CSLS (Lample et al., 2018, arXiv 1710.04087), up to a
factor and what is the same for all candidates; with lyrics each part is corrected by its own hubness, so that any
weight can be asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz, process, utils

from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError

SONG_VECTOR = "song"
HUBNESS_DIMS = 2


@dataclass(frozen=True)
class Point:
    """A song as the index holds it: id, named vectors, payload."""

    point_id: str
    vectors: Mapping[str, NDArray[np.float32]]
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Neighbour:
    """A recommended song; `score` is the weighted cosine in [-1, 1], less what hubness took off."""

    track_id: str
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Restriction:
    """Which songs may come: by payload field, none of some values, one of some values, or between two numbers.

    A song whose field is empty is never one of some values nor between two numbers.
    """

    none_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    any_of: Mapping[str, Sequence[str]] = field(default_factory=dict)
    between: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)

    def without(self, key: str, values: Sequence[str]) -> "Restriction":
        """This one and none of some more values."""
        known = [*self.none_of.get(key, ()), *values]
        return replace(self, none_of={**self.none_of, key: list(dict.fromkeys(known))} if known else self.none_of)

    @staticmethod
    def candidates(limit: int) -> int:
        """How many of the nearest songs a diverse choice of `limit` is made from."""
        return max(100, 4 * limit)


class VectorStore(Protocol):
    """What recommending needs of an index."""

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """Points by id, in the order asked for; unknown ids are left out."""
        ...

    def query(
        self,
        collection: str,
        vector: NDArray[np.float32],
        using: str,
        limit: int,
        restriction: Restriction,
        diversity: float = 0.0,
    ) -> list[Neighbour]:
        """The `limit` points of the highest score that the restriction lets through.

        Args:
            diversity: above 0, each next one is chosen by (1 - diversity) times its score less diversity times its
                likeness to those chosen before (maximal marginal relevance, Carbonell and Goldstein, 1998).
        """
        ...


def song_vector(
    audio: NDArray[np.float32],
    lyrics: NDArray[np.float32] | None,
    lyric_dim: int,
    hubness: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.float32]:
    """The stored vector [d_audio + lyric_dim + 2]: audio, lyrics, hubness by audio and by lyrics."""
    words = np.zeros(lyric_dim, np.float32) if lyrics is None else lyrics
    return np.concatenate([audio, words, np.asarray(hubness)]).astype(np.float32)


def fusion_query(
    stored: NDArray[np.float32], audio_dim: int, audio_weight: float, hubness: float = 0.0
) -> NDArray[np.float32]:
    """The query for a stored song vector: its parts weighted. Without lyrics the audio counts fully.

    Args:
        hubness: how much of the candidates' hubness is taken off; 0 ranks by likeness alone.
    """
    audio, lyrics = stored[:audio_dim], stored[audio_dim:-HUBNESS_DIMS]
    weight = audio_weight if bool(np.any(lyrics)) else 1.0
    correction = [-hubness * weight / 2, -hubness * (1 - weight) / 2]
    return np.concatenate([weight * audio, (1 - weight) * lyrics, correction]).astype(np.float32)


@dataclass(frozen=True)
class Ranking:
    """What counts in a score: the audio's share, and how much of a candidate's hubness is taken off."""

    audio_weight: float
    hubness: float = 0.0


@dataclass(frozen=True)
class Choice:
    """How many songs, which, and how unlike each other.

    Attributes:
        per_artist, per_album: at most so many songs of one; null for any number.
        diversity: see `VectorStore.query`.
    """

    k: int
    restriction: Restriction = Restriction()
    per_artist: int | None = None
    per_album: int | None = None
    diversity: float = 0.0


def similar_songs(
    store: VectorStore,
    collection: str,
    liked: Sequence[str],
    ranking: Ranking,
    choice: Choice,
    disliked: Sequence[str] = (),
) -> list[Neighbour]:
    """The songs nearest to one or several of the index, and far from those that are disliked; these left out.

    With l and d the mean queries of the liked and the disliked songs, what is asked for is l + (l - d), Qdrant's
    strategy "average vector".

    Args:
        liked, disliked: point ids.

    Raises:
        UnknownSongError: the index does not hold one of the points.
    """
    songs, others = _songs(store, collection, liked), _songs(store, collection, disliked)
    query = _mean_query(songs, ranking)
    if others:
        plain = Ranking(ranking.audio_weight)
        query = query + _mean_query(songs, plain) - _mean_query(others, plain)
    return nearest(store, collection, query, SONG_VECTOR, _without(choice, [*songs, *others]))


def song_path(
    store: VectorStore, collection: str, ends: tuple[str, str], ranking: Ranking, choice: Choice
) -> list[Neighbour]:
    """`choice.k` songs that lead from one song to another: the nearest to each of evenly spaced points between both.

    No song comes twice, and the ends are left out.

    Raises:
        UnknownSongError: the index does not hold an end.
    """
    songs = _songs(store, collection, ends)
    first, last = (_mean_query([song], ranking) for song in songs)
    left = _without(choice, songs)
    steps: list[Neighbour] = []
    for share in np.linspace(0, 1, choice.k + 2)[1:-1]:
        query = ((1 - share) * first + share * last).astype(np.float32)
        found = nearest(store, collection, query, SONG_VECTOR, replace(left, k=1), steps)
        if not found:
            break  # the index is used up
        steps.append(found[0])
        left = replace(left, restriction=left.restriction.without("track_id", [found[0].track_id]))
    return steps


def songs_about(store: VectorStore, collection: str, words: NDArray[np.float32], choice: Choice) -> list[Neighbour]:
    """The songs whose lyrics are nearest to a lyric vector [d], a text's say; songs without lyrics never are."""
    return nearest(store, collection, words, "lyrics", choice)


def nearest(
    store: VectorStore,
    collection: str,
    query: NDArray[np.float32],
    using: str,
    choice: Choice,
    before: Sequence[Neighbour] = (),
) -> list[Neighbour]:
    """The k highest scores under the choice's limits; more are asked for until enough are left or there are no more.

    A diverse choice, which costs the square of what it is made from, is made from eight times k and no more: with
    limits for artists or albums it may have fewer than k.

    Args:
        before: songs that count for the limits as well.
    """
    limited = choice.per_artist is not None or choice.per_album is not None
    limit = choice.k if not limited else (8 if choice.diversity else 4) * choice.k
    while True:
        found = store.query(collection, query, using, limit, choice.restriction, choice.diversity)
        kept: list[Neighbour] = []
        for neighbour in found:
            if _may_follow(neighbour, [*before, *kept], choice):
                kept.append(neighbour)
        if len(kept) >= choice.k or len(found) < limit or choice.diversity:
            return kept[: choice.k]
        limit *= 4


def _may_follow(neighbour: Neighbour, chosen: Sequence[Neighbour], choice: Choice) -> bool:
    """Whether artist and album have room for one more."""
    artist, album = neighbour.payload.get("artist_id"), _album(neighbour)
    same_artist = sum(n.payload.get("artist_id") == artist for n in chosen)
    same_album = sum(album is not None and _album(n) == album for n in chosen)
    room = choice.per_artist is None or same_artist < choice.per_artist
    return room and (choice.per_album is None or same_album < choice.per_album)


def _album(neighbour: Neighbour) -> tuple[Any, Any] | None:
    """Two artists' albums of one name are two; null where the album has none."""
    release = neighbour.payload.get("release")
    return (neighbour.payload.get("artist_id"), release) if release else None


def _songs(store: VectorStore, collection: str, point_ids: Sequence[str]) -> list[Point]:
    found = store.fetch(collection, point_ids, with_vectors=True)
    if len(found) != len(point_ids):
        raise UnknownSongError(f"the index {collection!r} does not hold this song: run `simsong run` to index it")
    return found


def _mean_query(songs: Sequence[Point], ranking: Ranking) -> NDArray[np.float32]:
    queries = [
        fusion_query(s.vectors[SONG_VECTOR], len(s.vectors["audio"]), ranking.audio_weight, ranking.hubness)
        for s in songs
    ]
    mean: NDArray[np.float32] = np.mean(queries, axis=0, dtype=np.float32)
    return mean


def _without(choice: Choice, songs: Sequence[Point]) -> Choice:
    ids = [str(song.payload["track_id"]) for song in songs]
    return replace(choice, restriction=choice.restriction.without("track_id", ids))


def find_song(tracks: pl.DataFrame, words: str) -> str:
    """The track id that `words` name: an id, a title, an artist and title, or an artist of one song.

    Raises:
        AmbiguousSongError: several songs fit; the message lists them.
        UnknownSongError: none does; the message suggests the nearest.
    """
    if words in set(tracks["track_id"].to_list()):
        return words
    wanted = _plain(words)
    rows = tracks.select("track_id", "artist_name", "title").rows()
    labels = [(tid, f"{artist} - {title}", title, artist) for tid, artist, title in rows]
    exact = [row for row in labels if wanted in {_plain(part) for part in row[1:]}]
    partial = [row for row in labels if wanted and wanted in _plain(row[1])]
    fitting = exact or partial
    if len(fitting) == 1:
        return str(fitting[0][0])
    if fitting:
        raise AmbiguousSongError(_listing(f"{words!r} fits {len(fitting)} songs; name one of them or its id:", fitting))
    nearest = process.extract(wanted, {t: _plain(n) for t, n, *_ in labels}, scorer=fuzz.WRatio, limit=5)
    by_id = {row[0]: row for row in labels}
    raise UnknownSongError(_listing(f"no song is called {words!r}; the nearest are:", [by_id[t] for *_, t in nearest]))


def _plain(text: str) -> str:
    """Letters and digits in lower case, single blanks between words."""
    return " ".join(utils.default_process(text).split())


def _listing(head: str, rows: Sequence[tuple[str, str, str, str]], limit: int = 12) -> str:
    lines = [f"  {name}  ({tid})" for tid, name, *_ in rows[:limit]]
    more = [f"  … and {len(rows) - limit} more"] if len(rows) > limit else []
    return "\n".join([head, *lines, *more])
