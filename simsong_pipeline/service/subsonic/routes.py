"""The one route of all methods: `/rest/<name>` and `/rest/<name>.view`, by GET and by POST."""

import os
from collections.abc import Mapping

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.recordings import roots_of
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot
from simsong_pipeline.service.subsonic.album_lists import LISTS
from simsong_pipeline.service.subsonic.annotations import ANNOTATIONS
from simsong_pipeline.service.subsonic.answers import Format, answered, as_json, as_xml, format_of, refused
from simsong_pipeline.service.subsonic.browsing import BROWSING
from simsong_pipeline.service.subsonic.call import Call, Method
from simsong_pipeline.service.subsonic.entries import Entries, moment
from simsong_pipeline.service.subsonic.logins import USER, user_of
from simsong_pipeline.service.subsonic.media import MEDIA
from simsong_pipeline.service.subsonic.parameters import Parameters, parameters_of
from simsong_pipeline.service.subsonic.playlists import PLAYLISTS
from simsong_pipeline.service.subsonic.refusals import RefusedError, UnknownMethodError, refusal_of
from simsong_pipeline.service.subsonic.searching import SEARCHING
from simsong_pipeline.service.subsonic.sonic import SONIC
from simsong_pipeline.service.subsonic.system import SYSTEM

METHODS: Mapping[str, Method] = {
    **SYSTEM,
    **BROWSING,
    **LISTS,
    **SEARCHING,
    **SONIC,
    **MEDIA,
    **PLAYLISTS,
    **ANNOTATIONS,
}
_SUFFIX = ".view"


def routes(service: Service) -> list[BaseRoute]:
    """The route; of a service with a key, pages of other sites may show it to reach what they play."""
    roots = [f"{root}{os.sep}" for root in roots_of(service.workspace)]

    async def endpoint(request: Request) -> Response:
        response = await _respond(service, roots, request)
        if service.keys.is_needed:
            response.headers["cross-origin-resource-policy"] = "cross-origin"
        return response

    methods = ["GET", "POST", *(["OPTIONS"] if service.keys.is_needed else [])]
    open_to_pages = Middleware(CORSMiddleware, allow_origins=["*"], allow_headers=["*"], allow_methods=["GET", "POST"])
    middleware = [open_to_pages] if service.keys.is_needed else []
    return [Route("/rest/{name}", endpoint, methods=methods, middleware=middleware)]


async def _respond(service: Service, roots: list[str], request: Request) -> Response:
    """The answer in the form that was asked for; refusals too."""
    form: Format = as_xml
    try:
        parameters = await parameters_of(request)
        form = as_json
        form = format_of(parameters)
        return await _answer(service, roots, request, parameters, form)
    except RefusedError as error:
        refusal = error
    except (SimSongError, ProblemError) as error:
        refusal = refusal_of(error)
    response = form(refused(refusal))
    response.status_code = refusal.http_status
    return response


async def _answer(
    service: Service, roots: list[str], request: Request, parameters: Parameters, form: Format
) -> Response:
    name = request.path_params["name"].removesuffix(_SUFFIX)
    method = METHODS.get(name)
    if method is None:
        raise UnknownMethodError(f"{name[:100]} is not offered here")
    user = USER if method.is_public else user_of(service.keys, request.headers, parameters)
    if method.writes:
        service.refuse_writing()
    if method.handler is not None:
        return await method.handler(service, request, parameters)
    question = method.question
    assert question is not None

    def ask(snapshot: Snapshot) -> Response:
        call = Call(service, snapshot, parameters, user, Entries(service.recordings, roots, lambda: _stars(service)))
        return form(answered(question(call)))

    return await service.asker.ask(ask)


def _stars(service: Service) -> dict[str, str]:
    """When each liked song was liked, as far as it is known: not after the last one."""
    liked, changed = service.likes.read().liked, service.likes.changed_ns()
    return dict.fromkeys(liked, moment(changed))
