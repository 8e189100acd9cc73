"""What a player says of songs: a star is a like. Plays are taken note of nowhere, and answered with thanks."""

from typing import Any

from simsong_pipeline.service.naming import known_album, known_song
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entry
from simsong_pipeline.service.subsonic.refusals import MissingParameterError, NotFoundError

_NAMES = ("id", "albumId", "artistId")


def _named(call: Call) -> list[str]:
    ids = [identity for name in _NAMES for identity in call.parameters.every(name)]
    if not ids:
        raise MissingParameterError("id, albumId or artistId")
    return ids


def _star(call: Call) -> dict[str, Any]:
    """Like songs; a star of an album or an artist is not kept, for it says nothing of each of their songs."""
    library, ids = call.library, _named(call)
    for identity in ids:
        if not (library.song(identity) or library.album(identity) or library.artist(identity)):
            raise NotFoundError(f"no song, album or artist has the id {identity[:100]!r}")
    for identity in ids:
        if library.song(identity) is not None:
            call.service.likes.set(identity, True)
    return {}


def _unstar(call: Call) -> dict[str, Any]:
    """Like songs no more, be they in the library or not."""
    liked = set(call.service.likes.read().liked)
    for identity in _named(call):
        if identity in liked:
            call.service.likes.set(identity, None)
    return {}


def _starred_songs(call: Call) -> list[Entry]:
    call.refuse_other_folder()
    return call.entries.songs(call.library.songs_by_id(call.service.likes.read().liked))


def _starred(call: Call) -> dict[str, Any]:
    return {"starred": {"song": _starred_songs(call)}}


def _starred2(call: Call) -> dict[str, Any]:
    return {"starred2": {"song": _starred_songs(call)}}


def _scrobble(call: Call) -> dict[str, Any]:
    call.parameters.needed("id")
    for identity in call.parameters.every("id"):
        known_song(call.library, identity)
    return {}


def _now_playing(_call: Call) -> dict[str, Any]:
    return {"nowPlaying": {"entry": []}}


def _top_songs(call: Call) -> dict[str, Any]:
    """Nobody counts plays here."""
    call.parameters.needed("artist")
    return {"topSongs": {"song": []}}


def _album_info(call: Call) -> dict[str, Any]:
    """Nothing is known of albums but what is in files."""
    known_album(call.library, call.parameters.needed("id"))
    return {"albumInfo": {}}


ANNOTATIONS = {
    "star": Method(_star, writes=True),
    "unstar": Method(_unstar, writes=True),
    "getStarred": Method(_starred),
    "getStarred2": Method(_starred2),
    "scrobble": Method(_scrobble),
    "getNowPlaying": Method(_now_playing),
    "getTopSongs": Method(_top_songs),
    "getAlbumInfo": Method(_album_info),
    "getAlbumInfo2": Method(_album_info),
}
