"""Whether a client has an answer already: by the state of the home and what was asked."""

from starlette.requests import Request
from starlette.responses import Response

from simsong_pipeline.files import sha256_of

# A browser asks again each time, and is told that it has the answer.
_FRESH = "private, no-cache"


def etag_of(request: Request, *states: object) -> str:
    """A weak tag of the address and of what the answer depends on."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    return f'W/"{sha256_of(path, query, *states)[:32]}"'


def has_it(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names the tag; weak and strong ones are compared alike, as the standard has it."""
    given = request.headers.get("if-none-match", "")
    named = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return given.strip() == "*" or etag.removeprefix("W/") in named


def unchanged(etag: str) -> Response:
    """304."""
    return Response(status_code=304, headers=headers_of(etag))


def headers_of(etag: str) -> dict[str, str]:
    """Of an answer that may be asked for again."""
    return {"etag": etag, "cache-control": _FRESH}
