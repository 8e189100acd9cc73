"""What a plugin asks, from a query or a JSON object, with bounds; what is none of it is told by `BadAskError`."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from simsong_pipeline.errors import SimSongError

_MOST_CHARACTERS = 1_000
_MOST_IDS = 10_000


class BadAskError(SimSongError):
    """A parameter is missing, or no such value."""


Asked = Mapping[str, Any]


async def asked_by(request: Request) -> Asked:
    """The parameters of a request: the query's, or the members of its JSON object.

    Raises:
        BadAskError: the body is no JSON object.
    """
    if request.method in ("GET", "HEAD"):
        return dict(request.query_params)
    body = await request.body()
    try:
        asked = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError) as error:
        raise BadAskError("the body is no JSON") from error
    if not isinstance(asked, dict):
        raise BadAskError("the body is no JSON object")
    return asked


def text(asked: Asked, name: str) -> str | None:
    """A text without blanks at its ends, null where it is missing or empty; a number is taken as it is written."""
    value = asked.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadAskError(f"{name} is no text")
    found = str(value).strip()
    if any("\ud800" <= letter <= "\udfff" for letter in found):
        raise BadAskError(f"{name} holds half a character")
    if len(found) > _MOST_CHARACTERS:
        raise BadAskError(f"{name} has more than {_MOST_CHARACTERS} characters")
    return found or None


def needed(asked: Asked, name: str) -> str:
    """As `text`; raises `BadAskError` where it is missing."""
    found = text(asked, name)
    if found is None:
        raise BadAskError(f"{name} is missing")
    return found


def count(asked: Asked, name: str, otherwise: int, least: int, most: int) -> int:
    """A whole number; beyond the bounds the bound itself, as plugins ask for as many as they might need."""
    found = text(asked, name)
    if found is None:
        return otherwise
    try:
        return min(max(int(found[:20]), least), most)
    except ValueError as error:
        raise BadAskError(f"{name} is no whole number") from error


def flag(asked: Asked, name: str) -> bool:
    """Whether it is true; false where it is missing."""
    value = asked.get(name)
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def identities(asked: Asked, name: str) -> list[str]:
    """Ids in a list, of which each may be an object with `item_id` or `id`; once each, in order."""
    value = asked.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST_IDS:
        raise BadAskError(f"{name} is no list of {_MOST_IDS} ids at most")
    found = [_identity(item, name) for item in value]
    return list(dict.fromkeys(found))


def _identity(item: object, name: str) -> str:
    held: Asked = item if isinstance(item, dict) else {"item_id": item}
    found = text(held, "item_id") or text(held, "id")
    if found is None:
        raise BadAskError(f"{name} holds what is no id")
    return found
