"""Songs, albums and artists in the shapes of OpenSubsonic: Child, AlbumID3, ArtistID3."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import PurePath
from typing import Any

from simsong_pipeline.credits import first_artist
from simsong_pipeline.service.album_artists import VARIOUS
from simsong_pipeline.service.album_order import tags_of
from simsong_pipeline.service.file_tags import FileTags
from simsong_pipeline.service.library import Album, Artist, Song
from simsong_pipeline.service.recordings import Recordings, media_type

Entry = dict[str, Any]
# Of what was never a file here.
_LONG_AGO = "1970-01-01T00:00:00Z"


def moment(nanoseconds: int | None) -> str:
    """A time as the standard writes it."""
    if nanoseconds is None:
        return _LONG_AGO
    return utc(datetime.fromtimestamp(nanoseconds // 10**9, UTC))


def utc(time: datetime) -> str:
    """A time of UTC as the standard writes it."""
    return time.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True)
class Entries:
    """Makes entries of the library's rows.

    Attributes:
        roots: folders that a song's path is shown below; where on this machine they lie is nobody's business.
        read_stars: gives the time of each liked song's star, by id; called where a song is shown.
    """

    recordings: Recordings
    roots: Sequence[str]
    read_stars: Callable[[], Mapping[str, str]]

    @cached_property
    def _stars(self) -> Mapping[str, str]:
        return self.read_stars()

    def songs(self, songs: Sequence[Song | None]) -> list[Entry]:
        """Those that there are."""
        return [self.song(song) for song in songs if song is not None]

    def song(self, song: Song, tags: FileTags | None = None) -> Entry:
        """A Child.

        Args:
            tags: what its file says, where it was read already.
        """
        told = tags_of(self.recordings, song) if tags is None else tags
        artist = _named(song.artist_id, song.artist)
        owner = artist if song.album_artist is None else _named(song.album_artist_id, song.album_artist)
        known = {
            "id": song.id,
            "parent": song.album_id or song.artist_id,
            "isDir": False,
            "title": song.title,
            "album": song.album,
            "artist": song.artist,
            "track": told.track,
            "year": song.year,
            "coverArt": song.album_id or song.id,
            "size": song.size_bytes,
            "duration": _seconds(song.duration_s),
            "bitRate": told.bit_rate,
            "bitDepth": told.bit_depth or 0,
            "samplingRate": told.sample_rate or 0,
            "channelCount": told.channels or 0,
            "isVideo": False,
            "discNumber": told.disc,
            "created": moment(song.modified_ns),
            "starred": self._stars.get(song.id),
            "albumId": song.album_id,
            "artistId": song.artist_id,
            "type": "music",
            "mediaType": "song",
            "musicBrainzId": told.musicbrainz_id or "",
            "isrc": [] if told.isrc is None else [told.isrc],
            "artists": [artist],
            "displayArtist": song.artist,
            "albumArtists": [owner],
            "displayAlbumArtist": owner["name"],
        }
        return {**known, **_genres(song.genres), **self._file(song.path)}

    def _file(self, path: str | None) -> Entry:
        if path is None:
            return {}
        suffix = PurePath(path).suffix.lower()
        return {"path": self._place(path), "suffix": suffix.lstrip("."), "contentType": media_type(suffix)}

    def _place(self, path: str) -> str:
        """A path below the folder of the music; the file's name alone where it lies elsewhere."""
        inside = (path.removeprefix(root) for root in self.roots if path.startswith(root))
        return next(inside, PurePath(path).name).replace(os.sep, "/")

    def album(self, album: Album) -> Entry:
        """An AlbumID3."""
        known = {
            "id": album.id,
            "name": album.name,
            "artist": album.artist,
            "artistId": album.artist_id,
            "coverArt": album.id,
            "songCount": album.songs,
            "duration": _seconds(album.duration_s),
            "created": moment(album.modified_ns),
            "year": album.year,
            "artists": [_named(album.artist_id, album.artist)],
            "displayArtist": album.artist,
            "isCompilation": album.artist == VARIOUS,
        }
        return {**known, **_genres(album.genres)}

    def album_as_folder(self, album: Album) -> Entry:
        """A Child that is a folder, for the calls of players that know folders alone."""
        entry = self.album(album)
        kept = ("id", "artist", "artistId", "coverArt", "duration", "created", "year", "genre", "genres")
        return {"parent": album.artist_id, "isDir": True, "title": album.name, "album": album.name} | {
            name: entry[name] for name in kept if name in entry
        }

    def artist(self, artist: Artist) -> Entry:
        """An ArtistID3."""
        return {"id": artist.id, "name": artist.name, "coverArt": artist.id, "albumCount": artist.albums}


def by_letter(artists: Sequence[Artist], entry: Callable[[Artist], Entry]) -> list[Entry]:
    """An index: artists by their first letter, "#" for what is none; in the order in which they come."""
    groups: dict[str, list[Entry]] = {}
    for artist in artists:
        first = artist.name[:1].upper()
        groups.setdefault(first if first.isalpha() else "#", []).append(entry(artist))
    return [{"name": name, "artist": listed} for name, listed in sorted(groups.items())]


def _named(artist_id: str | None, artist: str) -> Entry:
    return {"id": artist_id, "name": first_artist(artist)}


def _genres(genres: Sequence[str]) -> Entry:
    return {"genre": genres[0] if genres else None, "genres": [{"name": genre} for genre in genres]}


def _seconds(duration_s: float | None) -> int:
    return 0 if duration_s is None else round(duration_s)
