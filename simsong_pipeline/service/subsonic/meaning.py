"""Which songs an id means: players send ids of songs, albums, artists, playlists and genres to one method."""

from simsong_pipeline.errors import UnknownSongError
from simsong_pipeline.service.subsonic.call import Call
from simsong_pipeline.service.subsonic.refusals import NotFoundError

_MOST = 500


def songs_meant(call: Call, identity: str) -> list[str]:
    """Ids of songs.

    Raises:
        NotFoundError: nothing has this id.
    """
    library = call.library
    if library.song(identity) is not None:
        return [identity]
    if library.album(identity) is not None:
        return [song.id for song in library.songs_of_album(identity)]
    if library.artist(identity) is not None:
        return [song.id for song in library.songs_of_artist(identity)]
    if genre := library.songs_of_genre(identity, 0, _MOST).rows:
        return [song.id for song in genre]
    try:
        kept = call.service.playlists.get(identity).kept
    except UnknownSongError as error:
        raise NotFoundError(f"no song, album, artist or playlist has the id {identity[:100]!r}") from error
    return [song.id for song in library.there(kept.songs[:_MOST])]
