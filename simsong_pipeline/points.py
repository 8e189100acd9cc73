"""What the index holds of a song, and the query that fuses its parts.

A song's point has two vectors of its own, `audio` and `lyrics`, and one for both, `song`: the audio and the
lyric vector one after the other, under dot product. With the query [w * audio; (1 - w) * lyrics] its score
is w * cos(audio) + (1 - w) * cos(lyrics): the fusion is exact, in one query, with any weight at query time.

A song without lyrics has zeros there. Beside songs that are chosen for their lyrics as well, a lyric cosine of 0 would
be a mark against it, so one more number of it, which songs with lyrics have 0 in place of, says what lyric cosine it
counts as having: `evaluation.fusion.with_stand_in` finds it among the songs that the model was trained on.

Two more numbers are a song's hubness by audio and by lyrics: its mean cosine with its nearest among the songs that the
model was trained on. A query that takes them off, [...; -h w / 2; -h (1 - w) / 2; 1 - w], corrects rankings for songs
that are near to everything. By audio alone and with h = 1 that is CSLS (Lample et al., 2018, arXiv 1710.04087), up to a
factor and what is the same for all candidates; with lyrics each part is corrected by its own hubness, so that any
weight can be asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

SONG_VECTOR = "song"
SOUND_VECTOR = "sound"  # what a text of sounds is compared with; of bodies that know words
# Numbers of a song's own after its vectors: hubness by audio and by lyrics, and what missing lyrics count as.
OWN_DIMS = 3


@dataclass(frozen=True)
class Point:
    """A song as the index holds it: id, named vectors, payload."""

    point_id: str
    vectors: Mapping[str, NDArray[np.float32]]
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Neighbour:
    """A recommended song; `score` is the weighted cosine in [-1, 1], less what hubness took off.

    Attributes:
        vectors: those that were asked for and that the song has.
    """

    track_id: str
    score: float
    payload: Mapping[str, Any]
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, point: Point, score: float) -> "Neighbour":
        """A song of the index with its score."""
        return cls(str(point.payload["track_id"]), score, point.payload, point.vectors)


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


@dataclass(frozen=True)
class Search:
    """What an index is asked: which points are nearest to a vector.

    Attributes:
        using: name of the points' vector that `vector` is compared with.
        limit: as many of the nearest come.
        with_vectors: names of the vectors that come along.
    """

    vector: NDArray[np.float32]
    using: str
    limit: int
    restriction: Restriction = field(default_factory=Restriction)
    with_vectors: Sequence[str] = ()


class VectorStore(Protocol):
    """What recommending needs of an index."""

    def fetch(self, collection: str, point_ids: Sequence[str], with_vectors: bool) -> list[Point]:
        """Points by id, in the order asked for; unknown ids are left out."""
        ...

    def query(self, collection: str, search: Search) -> list[Neighbour]:
        """The points of the highest score that the restriction lets through, the highest first."""
        ...


def song_vector(
    audio: NDArray[np.float32],
    lyrics: NDArray[np.float32] | None,
    lyric_dim: int,
    hubness: tuple[float, float] = (0.0, 0.0),
    stand_in: float = 0.0,
) -> NDArray[np.float32]:
    """The stored vector [d_audio + lyric_dim + OWN_DIMS].

    Args:
        hubness: by audio and by lyrics.
        stand_in: the lyric cosine that a song without lyrics counts as having.
    """
    words = np.zeros(lyric_dim, np.float32) if lyrics is None else lyrics
    own = [*hubness, stand_in if lyrics is None else 0.0]
    return np.concatenate([audio, words, own]).astype(np.float32)


def fusion_query(
    stored: NDArray[np.float32], audio_dim: int, audio_weight: float, hubness: float = 0.0
) -> NDArray[np.float32]:
    """The query for a stored song vector: its parts weighted. Without lyrics the audio counts fully.

    Args:
        hubness: how much of the candidates' hubness is taken off; 0 ranks by likeness alone.
    """
    audio, lyrics = stored[:audio_dim], stored[audio_dim:-OWN_DIMS]
    weight = audio_weight if bool(np.any(lyrics)) else 1.0
    own = [-hubness * weight / 2, -hubness * (1 - weight) / 2, 1 - weight]
    return np.concatenate([weight * audio, (1 - weight) * lyrics, own]).astype(np.float32)
