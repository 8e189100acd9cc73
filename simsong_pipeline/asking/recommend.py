"""Similar songs: which query is asked of the index, and which of its answers are shown."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.asking.diversity import Limit, by_marginal_relevance
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.points import SONG_VECTOR, Neighbour, Point, Restriction, Search, VectorStore, fusion_query


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
        diversity: see `diversity.by_marginal_relevance`; 0 for the nearest songs.
        looked_at: at most so many of the nearest songs are chosen from, so that fewer than k may come; null for all.
    """

    k: int
    restriction: Restriction = field(default_factory=Restriction)
    per_artist: int | None = None
    per_album: int | None = None
    diversity: float = 0.0
    looked_at: int | None = None


@dataclass(frozen=True)
class Question:
    """What the index is asked, and what makes two of its songs alike to the one who asks.

    Attributes:
        using: name of the vector that `vector` is compared with.
        shares: of each named vector in the likeness of two songs, which is the sum of their cosines times these; where
            a song lacks the vector its cosine counts 0, as in a score.
    """

    vector: NDArray[np.float32]
    using: str
    shares: Mapping[str, float]


def similar_songs(
    store: VectorStore,
    collection: str,
    liked: Sequence[Point],
    ranking: Ranking,
    choice: Choice,
    disliked: Sequence[Point] = (),
) -> list[Neighbour]:
    """The songs nearest to one or several of the index, and far from those that are disliked; these left out.

    With l and d the mean queries of the liked and the disliked songs, what is asked for is l + (l - d), Qdrant's
    strategy "average vector".

    Raises:
        UnknownSongError: no song is liked.
    """
    if not liked:
        raise UnknownSongError("name a liked song")
    query = _mean_query(liked, ranking)
    if disliked:
        plain = Ranking(ranking.audio_weight)
        query = query + _mean_query(liked, plain) - _mean_query(disliked, plain)
    return nearest(store, collection, _asked(query, liked, ranking), _without(choice, [*liked, *disliked]))


def least_similar(
    store: VectorStore, collection: str, song: Point, ranking: Ranking, choice: Choice
) -> list[Neighbour]:
    """The songs of the lowest scores beside one, the lowest first; that one left out."""
    query = -_mean_query([song], ranking)
    found = nearest(store, collection, _asked(query, [song], ranking), _without(choice, [song]))
    return [replace(neighbour, score=-neighbour.score) for neighbour in found]


def song_path(
    store: VectorStore, collection: str, ends: tuple[Point, Point], ranking: Ranking, choice: Choice
) -> list[Neighbour]:
    """`choice.k` songs that lead from one song to another: the nearest to each of evenly spaced points between both.

    No song comes twice, and the ends are left out; they count for the limits, since a playlist of the path has them.
    """
    first, last = (_mean_query([song], ranking) for song in ends)
    begin, end = (Neighbour.of(song, 1.0) for song in ends)
    left = _without(choice, ends)
    steps: list[Neighbour] = []
    for share in np.linspace(0, 1, choice.k + 2)[1:-1]:
        query = ((1 - share) * first + share * last).astype(np.float32)
        found = nearest(store, collection, _asked(query, ends, ranking), replace(left, k=1), [begin, *steps, end])
        if not found:
            break  # the index is used up
        steps.append(found[0])
        left = replace(left, restriction=left.restriction.without("track_id", [found[0].track_id]))
    return steps


def songs_about(store: VectorStore, collection: str, words: NDArray[np.float32], choice: Choice) -> list[Neighbour]:
    """The songs whose lyrics are nearest to a lyric vector [d], a text's say; songs without lyrics never are."""
    return nearest(store, collection, Question(words, "lyrics", {"lyrics": 1.0}), choice)


def nearest(
    store: VectorStore, collection: str, question: Question, choice: Choice, before: Sequence[Neighbour] = ()
) -> list[Neighbour]:
    """The k songs of the highest scores, or marginal relevances, under the choice's limits.

    They are chosen from some of the nearest songs, and from more until k may come or there are no more.

    Args:
        before: songs that count for the limits as well.
    """
    names = list(question.shares) if choice.diversity else []
    limit = _candidates(choice)
    while True:
        found = store.query(collection, Search(question.vector, question.using, limit, choice.restriction, names))
        if not (choice.diversity or choice.per_artist or choice.per_album):
            return found  # as many as were asked for, in the order of their scores
        relevance, directions = np.array([n.score for n in found]), _directions(found, question.shares)
        limits = _limits(found, before, choice)
        chosen = by_marginal_relevance(relevance, directions, choice.diversity, choice.k, limits)
        if len(chosen) == choice.k or len(found) < limit or (choice.looked_at or limit + 1) <= limit:
            return [found[n] for n in chosen]
        limit *= 4


def _candidates(choice: Choice) -> int:
    """How many of the nearest songs a choice is made from at first."""
    if choice.diversity:
        return max(100, 4 * choice.k)
    return choice.k if choice.per_artist is None and choice.per_album is None else 4 * choice.k


def _directions(found: Sequence[Neighbour], shares: Mapping[str, float]) -> NDArray[np.float32]:
    """[n, d] Rows whose inner products are the sums of shares times cosines; zeros for what a song lacks."""
    parts = []
    for name, share in shares.items():
        width = max((len(n.vectors[name]) for n in found if name in n.vectors), default=0)
        part = np.zeros((len(found), width), np.float32)
        for row, neighbour in zip(part, found, strict=True):
            row[:] = neighbour.vectors.get(name, 0.0)
        parts.append(np.float32(np.sqrt(share)) * part)
    return np.hstack(parts)


def _limits(found: Sequence[Neighbour], before: Sequence[Neighbour], choice: Choice) -> list[Limit]:
    kinds = ((choice.per_artist, _artist), (choice.per_album, _album))
    return [
        _limit([group(n) for n in found], [group(n) for n in before], most) for most, group in kinds if most is not None
    ]


def _limit(groups: Sequence[Hashable], before: Sequence[Hashable], most: int) -> Limit:
    """At most so many of each group, those before included; any number of songs of no group."""
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    taken = Counter(before)
    room = [len(groups) if group is None else most - taken[group] for group in numbers]
    return Limit(np.array([numbers[g] for g in groups], np.intp), np.array(room, np.intp))


def _artist(neighbour: Neighbour) -> Hashable:
    return neighbour.payload.get("artist_id")


def _album(neighbour: Neighbour) -> Hashable:
    """Two artists' albums of one name are two; null where the album has none."""
    release = neighbour.payload.get("release")
    return (neighbour.payload.get("artist_id"), release) if release else None


def _asked(query: NDArray[np.float32], songs: Sequence[Point], ranking: Ranking) -> Question:
    """A query made of songs; the audio's share in what makes songs alike is its mean share in the songs' queries."""
    weight = fmean(ranking.audio_weight if "lyrics" in song.vectors else 1.0 for song in songs)
    return Question(query, SONG_VECTOR, {"audio": weight, "lyrics": 1 - weight})


def _mean_query(songs: Sequence[Point], ranking: Ranking) -> NDArray[np.float32]:
    queries = [
        fusion_query(s.vectors[SONG_VECTOR], len(s.vectors["audio"]), ranking.audio_weight, ranking.hubness)
        for s in songs
    ]
    if len(queries) == 1:
        return queries[0]
    mean: NDArray[np.float32] = np.mean(queries, axis=0, dtype=np.float32)
    return mean


def _without(choice: Choice, songs: Sequence[Point]) -> Choice:
    ids = [str(song.payload["track_id"]) for song in songs]
    return replace(choice, restriction=choice.restriction.without("track_id", ids))
