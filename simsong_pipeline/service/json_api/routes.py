"""The routes of the JSON API, made of its operations: fields are checked, answers tagged, HEAD is as GET."""

from collections.abc import Sequence

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

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
    # Routes are gone through one after the other: what is asked most comes first.
    ordered = sorted(OPERATIONS, key=lambda operation: operation not in QUESTIONS)
    made = [Route(PREFIX + each.path, _Endpoint(service, each), methods=[each.method]) for each in ordered]
    return [*made, *docs_routes(OPERATIONS, PREFIX)]


class _Endpoint:
    """Answers one operation. An application: the framework's way to call functions takes as long as a search of it."""

    def __init__(self, service: Service, operation: Operation) -> None:
        self._service, self._operation = service, operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        service, operation = self._service, self._operation
        asked = await asked_of(operation, request)
        if operation.changes:
            service.refuse_writing()
        if operation.handler is not None:
            return await operation.handler(service, request, asked)
        if operation.is_live:
            return await _answered_live(service, operation, asked)
        return await _answered(service, operation, request, asked)


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
    if isinstance(answer, BaseModel):
        return answer.model_dump_json().encode("utf-8", "replace")
    return b"" if answer is None else answer.as_json()
