"""The description of the API: an OpenAPI document made of the operations, and a plain page of it without a script."""

import json
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simsong_pipeline.service.json_api.operation import Operation
from simsong_pipeline.service.problems import MEDIA_TYPE

_REF = "#/components/schemas/{model}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "candidates": {"type": "array", "items": {"type": "string"}},
        "faults": {"type": "array", "items": {"type": "object"}},
    },
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}summary{cursor:pointer;padding:.3rem 0}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top}"
)


def document(operations: Sequence[Operation], prefix: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    models = {m for o in operations for m in (o.asked, o.answer) if m is not None}
    ordered: list[tuple[type[BaseModel], Any]] = [
        (m, "serialization" if any(o.answer is m for o in operations) else "validation")
        for m in sorted(models, key=lambda m: m.__name__)
    ]
    named, definitions = models_json_schema(ordered, ref_template=_REF)
    refs: dict[Any, Any] = {model: schema for (model, _), schema in named.items()}
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(prefix + operation.path, {})[operation.method.lower()] = _described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SimSong", "version": version("simsong"), "description": "Similar songs by audio and lyrics"},
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"header": []}],
    }


def _described(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    problem = {"description": "a problem", "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}}}
    schema = refs[operation.answer] if operation.answer is not None else None
    is_empty = schema is None and operation.media_type == "application/json"
    content = {operation.media_type: {"schema": schema} if schema else {}}
    done = {"description": "done"} if is_empty else {"description": "the answer", "content": content}
    described: dict[str, Any] = {
        "summary": operation.summary,
        "tags": [operation.group],
        "parameters": _parameters(operation),
        "responses": {"204" if is_empty else str(operation.status): done, "default": problem},
    }
    if operation.takes_body:
        described["requestBody"] = {"content": {"application/json": {"schema": refs[operation.asked]}}}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    """Fields in the path, and those of the query where there is no body."""
    schema = operation.asked.model_json_schema(ref_template=_REF)
    required, found = set(schema.get("required", ())), []
    for name, field in schema.get("properties", {}).items():
        in_path = f"{{{name}}}" in operation.path
        if in_path or not operation.takes_body:
            where = "path" if in_path else "query"
            row = {"name": name, "in": where, "required": in_path or name in required, "schema": field}
            found.append(row | ({"description": field["description"]} if "description" in field else {}))
    return found


def docs_routes(operations: Sequence[Operation], prefix: str) -> list[Route]:
    """`/openapi.json` and `/docs`."""
    described = document(operations, prefix)
    said, page = json.dumps(described).encode(), _page(described).encode()

    async def as_json(_: Request) -> Response:
        return Response(said, media_type="application/json")

    async def as_page(_: Request) -> Response:
        policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
        return Response(page, media_type="text/html", headers={"content-security-policy": policy})

    return [Route("/openapi.json", as_json), Route("/docs", as_page)]


def _page(described: dict[str, Any]) -> str:
    rows = [
        _section(method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>SimSong API</title><style>{_STYLE}</style>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><h1>SimSong API</h1>'
        '<p>The same for programs: <a href="/openapi.json">openapi.json</a>. Errors are RFC 9457 problems.</p>'
        + "".join(rows)
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    fields = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{escape(p['in'])}<td>{escape(_kind(p['schema']))}"
        f"<td>{escape(p.get('description', ''))}"
        for p in operation["parameters"]
    )
    table = f"<table><tr><th>field<th>in<th>kind<th>{fields}</table>" if fields else ""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    taken = f"<p>Takes JSON: <code>{escape(_kind(body))}</code></p>" if body else ""
    return (
        f"<details><summary><strong>{method}</strong> <code>{escape(path)}</code> {escape(operation['summary'])}"
        f"</summary>{taken}{table}</details>"
    )


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    bounds = [f"{name} {schema[name]}" for name in ("minimum", "maximum", "maxLength", "default") if name in schema]
    return ", ".join([str(schema.get("type", "any")), *bounds])
