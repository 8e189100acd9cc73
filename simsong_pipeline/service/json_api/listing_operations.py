"""Lists, details, recordings and pictures as operations."""

from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service import listening
from simsong_pipeline.service.json_api import lists
from simsong_pipeline.service.json_api.asked import ListAsked, OneAsked, SearchAsked, SongsAsked
from simsong_pipeline.service.json_api.operation import Operation
from simsong_pipeline.service.json_api.shapes import (
    AlbumDetails,
    AlbumShape,
    ArtistDetails,
    ArtistShape,
    Counts,
    Genres,
    Page,
    SearchAnswer,
    SongDetails,
    SongShape,
)
from simsong_pipeline.service.service import Service

_GROUP = "lists"


async def _stream(service: Service, request: Request, asked: OneAsked) -> Response:
    return await listening.stream(service, request, asked.id)


async def _cover(service: Service, request: Request, asked: OneAsked) -> Response:
    return await listening.cover(service, request, asked.id)


def _list(path: str, summary: str, asked: type, answer: type, question: object) -> Operation:
    return Operation("GET", path, summary, _GROUP, asked, answer, question)  # type: ignore[arg-type]


def _cover_of(kind: str) -> Operation:
    path, summary = f"/{kind}s/{{id}}/cover", f"The picture of the {kind}; a drawn one where files have none"
    return Operation("GET", path, summary, "listening", OneAsked, handler=_cover, media_type="image/*")


LISTING = [
    _list("/search", "Search as you type", SearchAsked, SearchAnswer, lists.search),
    _list("/songs", "Songs", SongsAsked, Page[SongShape], lists.songs),
    _list("/songs/{id}", "A song", OneAsked, SongDetails, lists.song),
    _list("/artists", "Artists", ListAsked, Page[ArtistShape], lists.artists),
    _list("/artists/{id}", "An artist", OneAsked, ArtistDetails, lists.artist),
    _list("/albums", "Albums", ListAsked, Page[AlbumShape], lists.albums),
    _list("/albums/{id}", "An album", OneAsked, AlbumDetails, lists.album),
    Operation("GET", "/genres", "Genres", _GROUP, answer=Genres, question=lists.genres),
    Operation("GET", "/tags", "Tags that the filter takes", _GROUP, answer=Counts, question=lists.tags),
    Operation("GET", "/languages", "Languages that the filter takes", _GROUP, answer=Counts, question=lists.languages),
    Operation(
        "GET",
        "/songs/{id}/stream",
        "The recording of the song, in ranges where they are asked for",
        "listening",
        OneAsked,
        handler=_stream,
        media_type="audio/*",
    ),
    _cover_of("song"),
    _cover_of("album"),
    _cover_of("artist"),
]
