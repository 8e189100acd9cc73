"""What a person keeps, as operations: each of those that change something is refused where the service only reads."""

from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service.json_api import kept_questions, playlist_questions
from simsong_pipeline.service.json_api.asked import OneAsked
from simsong_pipeline.service.json_api.operation import Operation
from simsong_pipeline.service.json_api.playlist_shapes import (
    ChangedPlaylist,
    LikeAsked,
    NeverAsked,
    NeverShape,
    NewPlaylist,
    PlaylistDetails,
    PlaylistsShape,
)
from simsong_pipeline.service.likes import Likes
from simsong_pipeline.service.service import Service

_live = partial(Operation, is_live=True)
_changing = partial(Operation, is_live=True, changes=True)


async def _export(service: Service, _request: Request, asked: OneAsked) -> Response:
    name, text = await service.asker.ask(lambda s: playlist_questions.exported(service, s, asked.id))
    said = f"attachment; filename*=utf-8''{quote(name[:100], safe='')}.m3u8"
    headers = {"content-disposition": said, "cache-control": "no-store"}
    return Response(text.encode("utf-8", "replace"), media_type="audio/x-mpegurl", headers=headers)


_ONE = "/playlists/{id}"
KEPT = [
    _live("GET", "/likes", "What is liked, and what is not", "kept", answer=Likes, question=kept_questions.likes),
    _changing("PUT", "/likes", "Like a song, or not", "kept", LikeAsked, Likes, kept_questions.set_like),
    _live("GET", "/never", "What is never suggested", "kept", answer=NeverShape, question=kept_questions.never),
    _changing("PUT", "/never", "Never suggest it", "kept", NeverAsked, NeverShape, kept_questions.put_never),
    _changing("DELETE", "/never", "Suggest it again", "kept", NeverAsked, NeverShape, kept_questions.delete_never),
    _live(
        "GET", "/playlists", "All playlists", "playlists", answer=PlaylistsShape, question=playlist_questions.playlists
    ),
    _changing(
        "POST",
        "/playlists",
        "Keep a recipe with its answer, or a list of songs",
        "playlists",
        NewPlaylist,
        PlaylistDetails,
        playlist_questions.new_playlist,
        status=201,
    ),
    _live("GET", _ONE, "A playlist", "playlists", OneAsked, PlaylistDetails, playlist_questions.playlist),
    _changing(
        "PUT",
        _ONE,
        "Another name, order or recipe",
        "playlists",
        ChangedPlaylist,
        PlaylistDetails,
        playlist_questions.changed_playlist,
    ),
    _changing("DELETE", _ONE, "Delete a playlist", "playlists", OneAsked, None, playlist_questions.deleted_playlist),
    _changing(
        "POST",
        f"{_ONE}/run",
        "Ask its recipe again, of the present state",
        "playlists",
        OneAsked,
        PlaylistDetails,
        playlist_questions.run_playlist,
    ),
    Operation(
        "GET",
        f"{_ONE}/export.m3u8",
        "Its recordings for a player of this machine",
        "playlists",
        OneAsked,
        handler=_export,
        media_type="audio/x-mpegurl",
    ),
]
