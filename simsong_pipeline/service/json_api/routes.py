"""The routes of the JSON API, made of its operations: fields are checked, answers tagged, HEAD is as GET."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from simsong_pipeline.service.etags import etag_of, has_it, headers_of, unchanged
from simsong_pipeline.service.json_api.kept_operations import KEPT
from simsong_pipeline.service.json_api.listing_operations import LISTING
from simsong_pipeline.service.json_api.open_api import docs_routes
from simsong_pipeline.service.json_api.operation import Operation, asked_of
from simsong_pipeline.service.json_api.overview_operations import OVERVIEW
from simsong_pipeline.service.json_api.question_operations import QUESTIONS
from simsong_pipeline.service.json_api.session_operations import SESSION
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot

PREFIX = "/api/v1"
OPERATIONS: Sequence[Operation] = (*SESSION, *QUESTIONS, *LISTING, *KEPT, *OVERVIEW)


def routes(service: Service) -> list[BaseRoute]:
    """One route for each operation, and the description of all of them."""
    return [*(_route(service, operation) for operation in OPERATIONS), *docs_routes(OPERATIONS, PREFIX)]


def _route(service: Service, operation: Operation) -> Route:
    async def endpoint(request: Request) -> Response:
        asked = await asked_of(operation, request)
        if operation.changes:
            service.refuse_writing()
        if operation.handler is not None:
            return await operation.handler(service, request, asked)
        if operation.is_live:
            return await _answered_live(service, operation, asked)
        return await _answered(service, operation, request, asked)

    return Route(PREFIX + operation.path, endpoint, methods=[operation.method])


async def _answered(service: Service, operation: Operation, request: Request, asked: object) -> Response:
    """The answer from the newest snapshot, or 304 where the client has it."""
    may_have_it = request.method == "GET"

    def ask(snapshot: Snapshot) -> Response:
        etag = etag_of(request, snapshot.version, service.never_state())
        if may_have_it and has_it(request, etag):
            return unchanged(etag)
        said = _said(service, operation, snapshot, asked)
        return Response(said, operation.status, headers_of(etag), media_type="application/json")

    return await service.asker.ask(ask, lambda snapshot: operation.is_brief(snapshot, asked))


async def _answered_live(service: Service, operation: Operation, asked: object) -> Response:
    """The answer of what changes without a night."""
    said = await service.asker.ask(lambda snapshot: _said(service, operation, snapshot, asked))
    headers = {"cache-control": "no-store"}
    if not said:
        return Response(status_code=204, headers=headers)
    return Response(said, operation.status, headers, media_type="application/json")


def _said(service: Service, operation: Operation, snapshot: Snapshot, asked: object) -> bytes:
    """The answer as JSON; empty where there is nothing to say."""
    assert operation.question is not None
    answer = operation.question(service, snapshot, asked)
    return b"" if answer is None else answer.model_dump_json().encode("utf-8", "replace")
