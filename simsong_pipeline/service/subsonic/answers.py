"""The document around every answer, and the form that a client asked for it in: XML, JSON, or JSON in a call."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, TypeAlias

from starlette.responses import Response

from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import MissingParameterError, RefusedError
from simsong_pipeline.service.subsonic.xml_format import xml_of

VERSION = "1.16.1"
_ROOT = "subsonic-response"
# A name, or names with dots between: nothing that could be a script of its own.
_CALLBACK = re.compile(r"[A-Za-z_$][\w$]{0,99}(?:\.[A-Za-z_$][\w$]{0,99}){0,9}", re.ASCII)
Members: TypeAlias = Mapping[str, Any]
Format: TypeAlias = Callable[[Members], Response]


def answered(members: Members) -> dict[str, Any]:
    """The document of an answer."""
    return {**_document("ok"), **members}


def refused(error: RefusedError) -> dict[str, Any]:
    """The document of a refusal."""
    return {**_document("failed"), "error": {"code": error.code, "message": str(error)}}


def _document(status: str) -> dict[str, Any]:
    return {
        "status": status,
        "version": VERSION,
        "type": "simsong",
        "serverVersion": version("simsong"),
        "openSubsonic": True,
    }


def format_of(parameters: Parameters) -> Format:
    """What makes a response of a document; chosen once a request.

    Raises:
        MissingParameterError: JSON in a call needs the name of a function; say so in JSON.
    """
    kind = (parameters.text("f") or "xml").lower()
    if kind == "jsonp":
        callback = parameters.text("callback") or ""
        if not _CALLBACK.fullmatch(callback):
            raise MissingParameterError("callback, the name of a function,")
        return partial(as_call, callback)
    return as_json if kind == "json" else as_xml


def as_xml(document: Members) -> Response:
    """XML."""
    return Response(xml_of(_ROOT, document), media_type="text/xml")


def as_json(document: Members) -> Response:
    """JSON."""
    return Response(_json(document), media_type="application/json")


def as_call(callback: str, document: Members) -> Response:
    """JSON as the argument of a function, as a script."""
    return Response(f"/**/{callback}({_json(document)});", media_type="application/javascript")


def _json(document: Members) -> str:
    """In ASCII alone, so that no name can end a line of a script, or be no UTF-8. Null is left out, as in XML."""
    return json.dumps({_ROOT: _without_nulls(document)}, allow_nan=False, separators=(",", ":"))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value
