"""Which address asks what. Errors are `{"error": text}` with their status, as the plugins read them."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.linking.subsonic import ServerError
from simsong_pipeline.redaction import without_secrets
from simsong_pipeline.service.audiomuse import artist_answers, song_answers, status_answers
from simsong_pipeline.service.audiomuse.parameters import Asked, BadAskError, asked_by
from simsong_pipeline.service.audiomuse.playlist_answer import create_playlist
from simsong_pipeline.service.problems import ProblemError, problem_of
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

_Answer = Callable[[Service, Snapshot, Asked], Any]
_Endpoint = Callable[[Request], Awaitable[Response]]
_GET: Mapping[str, _Answer] = {
    "/api/similar_tracks": song_answers.similar_tracks,
    "/api/find_path": song_answers.find_path,
    "/api/max_distance": song_answers.max_distance,
    "/api/sonic_fingerprint/generate": song_answers.sonic_fingerprint,
    "/api/similar_artists": artist_answers.similar_artists,
    "/api/search_tracks": artist_answers.search_tracks,
    "/api/search_artists": artist_answers.search_artists,
    "/api/artist_tracks": artist_answers.artist_tracks,
    "/api/track": artist_answers.track,
}
_POST: Mapping[str, _Answer] = {
    "/api/alchemy": song_answers.alchemy,
    "/api/clap/search": song_answers.sounding,
    "/api/sem_grove/search": song_answers.lyrics_like,
    "/api/create_playlist": create_playlist,
}
_FIXED: Mapping[str, Mapping[str, Any]] = {
    "/api/active_tasks": status_answers.NO_TASKS,
    "/api/last_task": status_answers.NO_LAST_TASK,
    "/api/playlists": status_answers.NO_PLAYLISTS,
    "/api/config": {},
    "/api/health": status_answers.HEALTHY,
}
_BY_NIGHTS = ("/api/analysis/start", "/api/clustering/start")
_CREATED = frozenset({"/api/create_playlist"})


def routes(service: Service) -> Sequence[BaseRoute]:
    """All of them."""
    asked = [(path, answer, "GET") for path, answer in _GET.items()]
    asked += [(path, answer, "POST") for path, answer in _POST.items()]
    return [
        *(Route(path, _asking(service, answer, path in _CREATED), methods=[m]) for path, answer, m in asked),
        *(Route(path, _saying(said), methods=["GET"]) for path, said in _FIXED.items()),
        *(Route(path, _saying({"error": status_answers.BY_NIGHTS}, 409), methods=["POST"]) for path in _BY_NIGHTS),
        Route("/api/status/{task_id}", _no_task, methods=["GET"]),
        Route("/api/cancel/{task_id}", _no_task, methods=["POST"]),
        Route("/api/cancel_all/{task_id}", _no_task, methods=["POST"]),
    ]


def _asking(service: Service, answer: _Answer, creates: bool) -> _Endpoint:
    async def endpoint(request: Request) -> Response:
        try:
            asked = await asked_by(request)
            async with service.asker.alone() if creates else nullcontext():  # which may ask the linked server
                said = await service.asker.ask(lambda snapshot: answer(service, snapshot, asked))
        except ProblemError as problem:
            return _said({"error": problem.detail}, problem.status)
        except SimSongError as error:
            return _said({"error": str(error)}, _status(error))
        return _said(said, 201 if creates else 200)

    return endpoint


def _status(error: SimSongError) -> int:
    if isinstance(error, BadAskError):
        return 400
    return 502 if isinstance(error, ServerError) else problem_of(error).status


def _saying(said: Mapping[str, Any], status: int = 200) -> _Endpoint:
    async def endpoint(_request: Request) -> Response:
        return _said(said, status)

    return endpoint


async def _no_task(request: Request) -> Response:
    return _said(status_answers.no_such_task(request.path_params), 404)


def _said(value: object, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False)
    told = without_secrets(text) if status >= 400 else text
    return Response(told.encode("utf-8", "replace"), status, media_type="application/json")
