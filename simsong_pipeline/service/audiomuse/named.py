"""Songs and artists by the ids that plugins know: the linked server's, else SimSong's own."""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass
from typing import Any, TypeVar

from simsong_pipeline.asking.finding import folded
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import Neighbour
from simsong_pipeline.service.audiomuse.parameters import Asked, BadAskError, text
from simsong_pipeline.service.library import Artist, Library, Song
from simsong_pipeline.service.linked_ids import LinkedIds, linked_ids
from simsong_pipeline.service.naming import known_song, song_id_of
from simsong_pipeline.service.snapshot import Snapshot

UNKNOWN = "unknown"
Row = dict[str, Any]
K = TypeVar("K", bound=Sized)


@dataclass(frozen=True)
class NamedSongs:
    """The songs of a snapshot; `linked` is null where no server is linked."""

    library: Library
    linked: LinkedIds | None

    @classmethod
    def of(cls, workspace: Workspace, snapshot: Snapshot) -> "NamedSongs":
        """With the ids of the server that is linked now."""
        return cls(snapshot.library, linked_ids(workspace, snapshot))

    def song(self, identity: str) -> Song:
        """By an id; raises UnknownSongError."""
        own = self.linked.songs.get(identity) if self.linked is not None else None
        return known_song(self.library, own or identity)

    def asked_song(self, asked: Asked) -> Song:
        """By `item_id`, or by `title` and `artist`.

        Raises:
            BadAskError: neither is given.
            UnknownSongError, AmbiguousSongError: as `song_id_of`.
        """
        identity, title, artist = (text(asked, name) for name in ("item_id", "title", "artist"))
        if identity is not None:
            return self.song(identity)
        if title is None or artist is None:
            raise BadAskError("give an item_id, or a title and its artist")
        return known_song(self.library, song_id_of(self.library, f"{artist} - {title}"))

    def artist(self, words: str) -> Artist:
        """By an id or a name; raises UnknownSongError."""
        own = self.linked.artists.get(words) if self.linked is not None else None
        found = self.library.artist(own or words)
        if found is not None:
            return found
        wanted = folded(words)
        called = [one for one in self.library.find_artists(words, 0, 50).rows if wanted and folded(one.name) == wanted]
        if not called:
            raise UnknownSongError(f"no artist has the id or the name {words[:100]!r}")
        return called[0]

    def identity(self, song_id: str) -> str | None:
        """What plugins call a song; null where the linked server has not got it, and so cannot play it."""
        return song_id if self.linked is None else self.linked.song_ids.get(song_id)

    def artist_identity(self, artist_id: str) -> str | None:
        """As `identity`."""
        return artist_id if self.linked is None else self.linked.artist_ids.get(artist_id)

    def row(self, song: Song) -> Row:
        """A song that the server has."""
        return {
            "item_id": self.identity(song.id),
            "title": song.title,
            "author": song.artist,
            "album": song.album or UNKNOWN,
            "album_artist": song.artist,
        }

    def rows(self, neighbours: Sequence[Neighbour]) -> list[Row]:
        """With distances: 1 less the score, so that the plugins' likeness is the score again."""
        songs = self.library.songs_by_id([near.track_id for near in neighbours])
        both = zip(neighbours, songs, strict=True)
        return [{**self.row(song), "distance": distance(near.score)} for near, song in both if song is not None]

    def playable(self, neighbours: Sequence[Neighbour]) -> list[Neighbour]:
        """Those that the server has."""
        return [near for near in neighbours if self.identity(near.track_id) is not None]


def distance(score: float) -> float:
    """Never below 0."""
    return max(0.0, 1.0 - score)


def filled(n: int, most: int, ask: Callable[[int], list[Neighbour]], named: NamedSongs) -> list[Neighbour]:
    """`n` songs that the server has, if there are so many among the `most` nearest.

    Args:
        ask: gives the k nearest.
    """
    return widened(n, n, most, ask, named.playable)[:n]


def widened(
    k: int, n: int, most: int, ask: Callable[[int], list[Neighbour]], keep: Callable[[list[Neighbour]], K]
) -> K:
    """What is kept of the k nearest, or of more until it is `n`, the `most` were asked for, or there are no more."""
    while True:
        found = ask(k)
        kept = keep(found)
        if len(kept) >= n or len(found) < k or k >= most:
            return kept
        k = min(4 * k, most)
