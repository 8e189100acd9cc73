"""What a music server holds: all of its songs, playlists and stars, as frames."""

import math
from collections.abc import Callable, Iterator, Mapping

import polars as pl

from simsong_pipeline.home.links import PLAYLIST, STARRED
from simsong_pipeline.linking.subsonic import NOT_THERE, Record, ServerError, SubsonicServer, rows_of
from simsong_pipeline.schemas import SERVER_LISTS, conform, empty

Progress = Callable[[int, int], None]
SONGS = {
    "external_id": pl.String,
    "artist_id": pl.String,
    "artist": pl.String,
    "title": pl.String,
    "album": pl.String,
    "duration_s": pl.Float64,
    "path": pl.String,
    "musicbrainz_id": pl.String,
}
_TEXTS = {
    "artist_id": "artistId",
    "artist": "artist",
    "title": "title",
    "album": "album",
    "path": "path",
    "musicbrainz_id": "musicBrainzId",
}
_PAGE = 500


def all_songs(server: SubsonicServer, progress: Progress) -> pl.DataFrame:
    """A row a song (`SONGS`), by a search for nothing; by albums where a server finds nothing so.

    Raises:
        ServerError: it refuses, or does not answer any more.
    """
    found = _frame(_searched(server), progress)
    return found if found.height else _frame(_by_albums(server), progress)


def _frame(rows: Iterator[Record], progress: Progress) -> pl.DataFrame:
    """Each song once, however often it comes."""
    kept: dict[str, tuple[object, ...]] = {}
    for row in rows:
        song = _song(row)
        if song is not None:
            kept.setdefault(str(song[0]), song)
            progress(len(kept), 0)
    return pl.DataFrame(list(kept.values()), schema=SONGS, orient="row")


def _song(row: Record) -> tuple[object, ...] | None:
    """Null for a folder, a video, and what has no id."""
    identity = _text(row, "id")
    if identity is None or row.get("isDir") is True or row.get("isVideo") is True:
        return None
    texts = {name: _text(row, given) for name, given in _TEXTS.items()}
    return tuple({"external_id": identity, "duration_s": _seconds(row), **texts}[name] for name in SONGS)


def _text(row: Mapping[str, object], name: str) -> str | None:
    return text_of(row.get(name))


def text_of(value: object) -> str | None:
    """Of a value that a server gives; ids may be numbers, and what is neither is not known."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    # Half a character, which JSON can hold, is none that a file can.
    return str(value).encode("utf-8", "replace").decode() or None


def _seconds(row: Mapping[str, object]) -> float | None:
    value = row.get("duration")
    try:
        seconds = float(value) if isinstance(value, str | int | float) else 0.0
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 and math.isfinite(seconds) else None


def _searched(server: SubsonicServer) -> Iterator[Record]:
    """A server may give fewer than were asked for; one whose pages repeat themselves has no others."""
    offset, before = 0, ""
    while True:
        answer = server.ask("search3", query="", songCount=_PAGE, songOffset=offset, artistCount=0, albumCount=0).get(
            "searchResult3"
        )
        page = rows_of(answer.get("song") if isinstance(answer, dict) else None)
        if not page or str(page[0].get("id")) == before:
            return
        yield from page
        offset, before = offset + len(page), str(page[0].get("id"))


def _by_albums(server: SubsonicServer) -> Iterator[Record]:
    offset, before = 0, ""
    while True:
        answer = server.ask("getAlbumList2", type="alphabeticalByName", size=_PAGE, offset=offset).get("albumList2")
        page = rows_of(answer.get("album") if isinstance(answer, dict) else None)
        if not page or str(page[0].get("id")) == before:
            return
        for album in page:
            yield from _songs_of(server, _text(album, "id"))
        offset, before = offset + len(page), str(page[0].get("id"))


def _songs_of(server: SubsonicServer, album_id: str | None) -> list[Record]:
    """None of an album that has left meanwhile."""
    try:
        album = server.ask("getAlbum", id=album_id or "").get("album")
    except ServerError as error:
        if error.code == NOT_THERE:
            return []
        raise
    return rows_of(album.get("song") if isinstance(album, dict) else None)


def all_lists(server: SubsonicServer, progress: Progress) -> pl.DataFrame:
    """The user's playlists and starred songs, as the server_lists frame."""
    named = playlists(server)
    rows: list[tuple[object, ...]] = []
    for number, (identity, name) in enumerate(named, 1):
        rows += _numbered(identity, name, PLAYLIST, _entries(server, identity))
        progress(number, len(named))
    starred = server.ask("getStarred2").get("starred2")
    rows += _numbered(STARRED, STARRED, STARRED, _ids(starred.get("song") if isinstance(starred, dict) else None))
    if not rows:
        return empty(SERVER_LISTS)
    return conform(pl.DataFrame(rows, schema=list(SERVER_LISTS.columns), orient="row"), SERVER_LISTS)


def playlists(server: SubsonicServer) -> list[tuple[str, str]]:
    """Id and name of each playlist that is the user's own."""
    answer = server.ask("getPlaylists").get("playlists")
    rows = rows_of(answer.get("playlist") if isinstance(answer, dict) else None)
    user = server.user
    own = [row for row in rows if user is None or str(row.get("owner") or user).casefold() == user.casefold()]
    named = [(_text(row, "id"), _text(row, "name") or "") for row in own]
    return [(identity, name) for identity, name in named if identity is not None]


def _entries(server: SubsonicServer, playlist_id: str) -> list[str]:
    try:
        return playlist_songs(server, playlist_id)
    except ServerError as error:
        if error.code == NOT_THERE:
            return []
        raise


def playlist_songs(server: SubsonicServer, playlist_id: str) -> list[str]:
    """Ids of the songs of a playlist, in order."""
    answer = server.ask("getPlaylist", id=playlist_id).get("playlist")
    return _ids(answer.get("entry") if isinstance(answer, dict) else None)


def _ids(rows: object) -> list[str]:
    return [identity for row in rows_of(rows) if (identity := _text(row, "id")) is not None]


def _numbered(list_id: str, name: str, kind: str, songs: list[str]) -> list[tuple[object, ...]]:
    return [(list_id, name, kind, position, song) for position, song in enumerate(songs)]
