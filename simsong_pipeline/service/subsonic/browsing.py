"""The library as players browse it: folders, genres, artists, albums, songs."""

from typing import Any

from simsong_pipeline.service.album_order import in_order
from simsong_pipeline.service.library import Album, Artist
from simsong_pipeline.service.naming import known_album, known_artist, known_song
from simsong_pipeline.service.subsonic.call import FOLDER, Call, Method
from simsong_pipeline.service.subsonic.entries import Entry, by_letter
from simsong_pipeline.service.subsonic.refusals import NotFoundError


def _folders(_call: Call) -> dict[str, Any]:
    return {"musicFolders": {"musicFolder": [{"id": int(FOLDER), "name": "Music"}]}}


def _genres(call: Call) -> dict[str, Any]:
    found = call.library.all_genres()
    return {"genres": {"genre": [{"value": g.name, "songCount": g.songs, "albumCount": g.albums} for g in found]}}


def _all_artists(call: Call) -> list[Artist]:
    call.refuse_other_folder()
    return call.library.find_artists("", 0, call.library.artists.height).rows


def _artists(call: Call) -> dict[str, Any]:
    return {"artists": {"ignoredArticles": "", "index": by_letter(_all_artists(call), call.entries.artist)}}


def _indexes(call: Call) -> dict[str, Any]:
    index = by_letter(_all_artists(call), lambda artist: {"id": artist.id, "name": artist.name})
    changed = call.library.songs["modified_ns"].max() or 0
    assert isinstance(changed, int)
    return {"indexes": {"ignoredArticles": "", "lastModified": changed // 10**6, "index": index}}


def _artist(call: Call) -> dict[str, Any]:
    found = known_artist(call.library, call.parameters.needed("id"))
    albums = [call.entries.album(album) for album in call.library.albums_of_artist(found.id)]
    return {"artist": {**call.entries.artist(found), "album": albums}}


def _album(call: Call) -> dict[str, Any]:
    found = known_album(call.library, call.parameters.needed("id"))
    return {"album": {**call.entries.album(found), "song": _songs_of(call, found)}}


def _songs_of(call: Call, album: Album) -> list[Entry]:
    listed = in_order(call.service.recordings, call.library.songs_of_album(album.id))
    return [call.entries.song(song, tags) for song, tags in listed]


def _song(call: Call) -> dict[str, Any]:
    return {"song": call.entries.song(known_song(call.library, call.parameters.needed("id")))}


def _directory(call: Call) -> dict[str, Any]:
    """The music folder, an artist or an album, for players that know folders alone."""
    identity, library = call.parameters.needed("id"), call.library
    if identity == FOLDER:
        children = [{"id": a.id, "parent": FOLDER, "isDir": True, "title": a.name} for a in _all_artists(call)]
        return {"directory": {"id": FOLDER, "name": "Music", "child": children}}
    if (artist := library.artist(identity)) is not None:
        return {"directory": {"id": artist.id, "parent": FOLDER, "name": artist.name, "child": _below(call, artist)}}
    if (album := library.album(identity)) is not None:
        children = _songs_of(call, album)
        return {"directory": {"id": album.id, "parent": album.artist_id, "name": album.name, "child": children}}
    raise NotFoundError(f"no folder has the id {identity[:100]!r}")


def _below(call: Call, artist: Artist) -> list[Entry]:
    """An artist's albums, and the songs that are on none."""
    albums = [call.entries.album_as_folder(album) for album in call.library.albums_of_artist(artist.id)]
    single = [song for song in call.library.songs_of_artist(artist.id) if song.album_id is None]
    return [*albums, *call.entries.songs(single)]


BROWSING = {
    "getMusicFolders": Method(_folders),
    "getGenres": Method(_genres),
    "getArtists": Method(_artists),
    "getIndexes": Method(_indexes),
    "getArtist": Method(_artist),
    "getAlbum": Method(_album),
    "getSong": Method(_song),
    "getMusicDirectory": Method(_directory),
}
