"""Whether the service is there, what it serves, and the page's way to show its key."""

from functools import cache
from importlib.metadata import version

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.service.json_api.operation import Nothing, Operation
from simsong_pipeline.service.json_api.shapes import Health, LibraryShape
from simsong_pipeline.service.keys import COOKIE
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot


@cache
def _version() -> str:
    """Of this program; read from its metadata once."""
    return version("simsong")


class KeyAsked(BaseModel, extra="forbid"):
    """The key of the service."""

    key: str = Field(max_length=1_000)


async def _health(service: Service, _request: Request, _asked: Nothing) -> Response:
    said = Health(
        status="ok",
        version=_version(),
        needs_key=service.keys.is_needed,
        read_only=service.settings.read_only,
    )
    return JSONResponse(said.model_dump(), headers={"cache-control": "no-store"})


def _library(service: Service, snapshot: Snapshot, _asked: Nothing) -> LibraryShape:
    own, config, library = snapshot.songs.own_ranking, snapshot.config, snapshot.library
    source = service.workspace.load_source()
    kind = next((name for name, value in source.model_dump().items() if value is not None), "sample")
    return LibraryShape(
        songs=library.songs.height,
        artists=library.artists.height,
        albums=library.albums.height,
        genres=library.genres.height,
        variant=config.serve,
        model=ModelFiles(snapshot.home.model(config.serve)).export().model_version,
        audio_weight=own.audio_weight,
        hubness=own.hubness,
        knows_sounds=config.encoder.kind == "clap" and config.encoder.pretrained is not None,
        source=kind,
        snapshot=snapshot.version,
        trouble=service.snapshots.trouble,
    )


async def _begin(service: Service, request: Request, asked: KeyAsked) -> Response:
    if service.keys.is_needed and not service.keys.fits(asked.key):
        raise ProblemError(401, "no-key", "this is not the key of the service")
    answer = Response(status_code=204)
    if service.keys.is_needed:
        session, is_safe = service.keys.begin_session(), request.url.scheme == "https"
        answer.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=is_safe, path="/")
    return answer


async def _end(service: Service, request: Request, _asked: Nothing) -> Response:
    service.keys.end_session(request.cookies.get(COOKIE))
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/")
    return answer


SESSION = [
    Operation("GET", "/health", "Whether the service answers; needs no key", "service", answer=Health, handler=_health),
    Operation("GET", "/library", "What is served, by which model", "service", answer=LibraryShape, question=_library),
    Operation("POST", "/session", "Show the key once, for a page: sets a cookie", "service", KeyAsked, handler=_begin),
    Operation("DELETE", "/session", "Forget the cookie", "service", handler=_end),
]
