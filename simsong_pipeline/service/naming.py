"""What a request means: by an id, or a song by the words of its title, alone or with its artist. Never a path."""

from collections.abc import Sequence

from simsong_pipeline.asking.finding import folded
from simsong_pipeline.errors import AmbiguousSongError, UnknownSongError
from simsong_pipeline.service.library import Album, Artist, Library, Song

_LOOKED_AT, _LISTED = 200, 12


def song_id_of(library: Library, words: str) -> str:
    """The id that words are, else that of the only song that is called so.

    Raises:
        AmbiguousSongError: several are; the message lists them.
        UnknownSongError: none is; the message lists the nearest.
    """
    if words in library.song_rows:
        return words
    found = library.find_songs(words, 0, _LOOKED_AT).rows
    wanted = folded(words)
    exact = [song for song in found if wanted and wanted in _names(song)]
    if len(exact) == 1:
        return exact[0].id
    if exact:
        raise AmbiguousSongError(f"{words[:100]!r} fits several songs; name one by its id:", *_labels(exact))
    near = _labels(found)
    raise UnknownSongError(f"no song has the id or the name {words[:100]!r}{'; there are:' if near else ''}", *near)


def _names(song: Song) -> tuple[str, str]:
    return folded(song.title), folded(song.label)


def _labels(songs: list[Song]) -> list[str]:
    return [f"{song.label} ({song.id})" for song in songs[:_LISTED]]


def known_song(library: Library, song_id: str) -> Song:
    """The song with an id.

    Raises:
        UnknownSongError: there is none.
    """
    song = library.song(song_id)
    if song is None:
        raise UnknownSongError(f"no song has the id {song_id[:100]!r}")
    return song


def known_artist(library: Library, artist_id: str) -> Artist:
    """The artist with an id; raises as `known_song`."""
    artist = library.artist(artist_id)
    if artist is None:
        raise UnknownSongError(f"no artist has the id {artist_id[:100]!r}")
    return artist


def known_album(library: Library, album_id: str) -> Album:
    """The album with an id; raises as `known_song`."""
    album = library.album(album_id)
    if album is None:
        raise UnknownSongError(f"no album has the id {album_id[:100]!r}")
    return album


def known_ids(library: Library, song_ids: Sequence[str]) -> list[str]:
    """The ids, all of which songs have.

    Raises:
        UnknownSongError: naming the first that none has.
    """
    rows = library.song_rows.rows(song_ids)
    unknown = next((i for i, row in zip(song_ids, rows, strict=True) if row is None), None)
    if unknown is not None:
        raise UnknownSongError(f"no song has the id {unknown[:100]!r}")
    return list(song_ids)
