"""Rows of the library as answers have them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from simsong_pipeline.genres import genres_of
from simsong_pipeline.service.catalogue import album_id_of, artist_id_of
from simsong_pipeline.service.json_api.asked import Paged
from simsong_pipeline.service.json_api.shapes import AlbumShape, ArtistShape, Page, SongShape
from simsong_pipeline.service.library import Album, Artist, Part, Song

R = TypeVar("R")
S = TypeVar("S", bound=BaseModel)
_SONG, _ALBUM = tuple(SongShape.model_fields), tuple(AlbumShape.model_fields)


def song_fields(song: Song) -> dict[str, Any]:
    """Fields of a `SongShape`: where its file lies is nobody's business."""
    return {name: getattr(song, name) for name in _SONG}


def song_shape(song: Song) -> SongShape:
    """A row of a list."""
    return SongShape.model_construct(**song_fields(song))


def album_shape(album: Album) -> AlbumShape:
    """A row of a list."""
    return AlbumShape(**{name: getattr(album, name) for name in _ALBUM})


def artist_shape(artist: Artist) -> ArtistShape:
    """A row of a list."""
    return ArtistShape(**asdict(artist))


def fields_of_payload(held: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a `SongShape` by what the index says of a song."""
    artist_key, album = str(held.get("artist_id") or ""), held.get("release") or None
    return {
        "id": held["track_id"],
        "title": held.get("title") or "",
        "artist": held.get("artist") or "",
        "artist_id": artist_id_of(artist_key),
        "album": album,
        "album_id": None if album is None else album_id_of(artist_key, album),
        "year": held.get("year"),
        "genres": genres_of([held.get("genre")]),
        "duration_s": held.get("duration_s"),
    }


def page(part: Part[R], shape: Callable[[R], S], asked: Paged, address: str, **query: str) -> Page[S]:
    """A part of a list, with the address of the next one.

    Args:
        address: of the list, below `/api/v1`.
        query: what else it was asked with.
    """
    end = asked.offset + len(part.rows)
    following = {**{n: v for n, v in query.items() if v}, "limit": asked.limit, "offset": end}
    more = f"/api/v1{address}?{urlencode(following)}" if part.rows and end < part.total else None
    rows = [shape(row) for row in part.rows]
    return Page(items=rows, total=part.total, limit=asked.limit, offset=asked.offset, next=more)
