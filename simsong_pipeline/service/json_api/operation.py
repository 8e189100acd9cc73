"""An operation of the JSON API: its address, what it takes and what it gives; routes and OpenAPI are made of it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeAlias, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.service.asker import never_brief
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.snapshot import Snapshot


class OwnJson(Protocol):
    """An answer that makes its JSON by itself."""

    def as_json(self) -> bytes: ...


# Both are called with what was asked, a model of the operation's.
Question: TypeAlias = Callable[[Service, Snapshot, Any], BaseModel | OwnJson | None]
Handler: TypeAlias = Callable[[Service, Request, Any], Awaitable[Response]]


class Nothing(BaseModel, extra="forbid"):
    """Asked with no parameters."""


@dataclass(frozen=True)
class Operation:
    """One method of one address.

    Attributes:
        path: below `/api/v1`; names in braces are fields of `asked`.
        asked: fields of the path, and of the query for GET and DELETE or of the body otherwise.
        answer: null where it is no JSON.
        question: what answers from a snapshot, in a thread; or
        handler: what answers by itself.
        group: under which OpenAPI lists it.
        media_type: of an answer that is no JSON.
        is_live: the answer changes without a night, so that nobody may keep it.
        is_brief: whether a question is over so soon that to give it to a thread would take as long.
        changes: it changes what a person keeps, and is refused where the service only reads.
    """

    method: str
    path: str
    summary: str
    group: str
    asked: type[BaseModel] = Nothing
    answer: type[BaseModel] | None = None
    question: Question | None = None
    handler: Handler | None = None
    media_type: str = "application/json"
    status: int = 200
    is_live: bool = False
    is_brief: Callable[[Snapshot, Any], bool] = never_brief
    changes: bool = False

    @property
    def takes_body(self) -> bool:
        """Whether the fields come as JSON."""
        return self.method in ("POST", "PUT", "PATCH")


async def asked_of(operation: Operation, request: Request) -> BaseModel:
    """The fields of a request, checked.

    Raises:
        ProblemError: a field is unknown, missing, or not of its kind.
    """
    given: dict[str, Any] = dict(await _body(request)) if operation.takes_body else _query(operation, request)
    try:
        return operation.asked.model_validate({**given, **request.path_params})
    except ValidationError as error:
        raise invalid(error) from error


def invalid(error: ValidationError) -> ProblemError:
    """A problem that lists each field with what is wrong with it."""
    faults = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors(include_url=False)]
    first = faults[0]
    return ProblemError(422, "invalid", f"{first['field'] or 'the question'}: {first['message']}", faults=faults[:20])


async def _body(request: Request) -> Mapping[str, Any]:
    data = await request.body()
    if not data:
        return {}
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "no-json", "the question is no JSON") from error
    if not isinstance(content, dict):
        raise ProblemError(400, "no-json", "the question is no JSON object")
    return content


@lru_cache
def _lists(asked: type[BaseModel]) -> frozenset[str]:
    """The fields that hold lists."""
    return frozenset(n for n, f in asked.model_fields.items() if get_origin(f.annotation) is list)


def _query(operation: Operation, request: Request) -> dict[str, Any]:
    """A field that holds a list takes each value that is given; of another one the last counts."""
    lists, found = _lists(operation.asked), dict[str, Any]()
    for name, value in parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name in lists:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found
