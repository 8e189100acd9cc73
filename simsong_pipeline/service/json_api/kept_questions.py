"""Likes, and what is never suggested."""

from simsong_pipeline.asking.never_list import change_never, never_list
from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.service.json_api.operation import Nothing
from simsong_pipeline.service.json_api.playlist_shapes import LikeAsked, NeverAsked, NeverEntry, NeverShape
from simsong_pipeline.service.likes import Likes
from simsong_pipeline.service.naming import known_song
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot


def likes(service: Service, _snapshot: Snapshot, _asked: Nothing) -> Likes:
    """Both sides."""
    return service.likes.read()


def set_like(service: Service, snapshot: Snapshot, asked: LikeAsked) -> Likes:
    """Put a song on one side; one that is no more can be taken off."""
    song_id = asked.id if asked.likes is None else known_song(snapshot.library, asked.id).id
    return service.likes.set(song_id, asked.likes)


def never(service: Service, snapshot: Snapshot, _asked: Nothing) -> NeverShape:
    """The list."""
    entries = never_list(service.workspace)
    names = snapshot.library.songs_by_id([e.identity for e in entries])
    rows = []
    for entry, song in zip(entries, names, strict=True):
        name = entry.remark or (song.label if song else entry.identity)
        rows.append(NeverEntry(what="artist" if entry.artist else "song", id=entry.identity, name=name))
    return NeverShape(items=rows)


def put_never(service: Service, snapshot: Snapshot, asked: NeverAsked) -> NeverShape:
    """Put a song or an artist on it."""
    return _changed(service, snapshot, asked, forget=False)


def delete_never(service: Service, snapshot: Snapshot, asked: NeverAsked) -> NeverShape:
    """Take it off, be it in the library or not."""
    return _changed(service, snapshot, asked, forget=True)


def _changed(service: Service, snapshot: Snapshot, asked: NeverAsked, forget: bool) -> NeverShape:
    identity, remark = _named(snapshot, asked, forget)
    with service.changing:
        change_never(service.workspace, identity, remark, asked.what == "artist", forget)
    return never(service, snapshot, Nothing())


def _named(snapshot: Snapshot, asked: NeverAsked, forget: bool) -> tuple[str, str]:
    """The id as the list has it, and the name as a remark.

    Raises:
        UnknownSongError: nothing of the library has it, and it is to be put on the list.
    """
    library = snapshot.library
    if asked.what == "artist":
        artist, key = library.artist(asked.id), library.artist_key(asked.id)
        found = None if artist is None or key is None else (key, artist.name)
    else:
        song = library.song(asked.id)
        found = None if song is None else (song.id, song.label)
    if found is None and not forget:
        raise UnknownSongError(f"no {asked.what} has the id {asked.id[:100]!r}")
    return found or (asked.id, "")
