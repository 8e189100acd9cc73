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
from dataclasses import dataclass
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
        exclude: Mapping[str, Sequence[str]],
    ) -> list[Neighbour]:
        """The `limit` points of the highest score, none whose payload field has an excluded value."""
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


def similar_songs(
    store: VectorStore,
    collection: str,
    point_id: str,
    k: int,
    audio_weight: float,
    exclude_artist: bool = False,
    hubness: float = 0.0,
) -> list[Neighbour]:
    """The k songs nearest to a song of the index, the song itself left out.

    Raises:
        UnknownSongError: the index does not hold the point.
    """
    found = store.fetch(collection, [point_id], with_vectors=True)
    if not found:
        raise UnknownSongError(f"the index {collection!r} does not hold this song: run `simsong run` to index it")
    song = found[0]
    exclude = {"track_id": [str(song.payload["track_id"])]}
    if exclude_artist:
        exclude["artist_id"] = [str(song.payload["artist_id"])]
    query = fusion_query(song.vectors[SONG_VECTOR], len(song.vectors["audio"]), audio_weight, hubness)
    return store.query(collection, query, SONG_VECTOR, k, exclude)


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
