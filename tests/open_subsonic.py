"""The OpenAPI files of OpenSubsonic: what an answer may look like, and what its XML says by them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_CHECKER = FormatChecker()
ROOT = "subsonic-response"


@_CHECKER.checks("date-time", raises=ValueError)
def _is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@cache
def _read(address: str) -> Resource[Any]:
    return Resource.from_contents(json.loads(Path(unquote(urlsplit(address).path)).read_bytes()), DRAFT202012)


@cache
def _node(file: Path) -> "Node":
    return Node(json.loads(file.read_bytes()), file)


@dataclass(frozen=True, eq=False)
class Node:
    """A schema, and the file that its references are relative to."""

    schema: Mapping[str, Any]
    file: Path

    def at(self, schema: Mapping[str, Any]) -> "Node":
        """A part of it, references followed."""
        node = Node(schema, self.file)
        while "$ref" in node.schema:
            node = _node((node.file.parent / node.schema["$ref"]).resolve())
        return node

    @cached_property
    def parts(self) -> list["Node"]:
        """What an object of it consists of."""
        return [part for one in self.schema.get("allOf", ()) for part in self.at(one).parts] or [self]

    @cached_property
    def members(self) -> dict[str, "Node"]:
        """All members that are named."""
        return {n: part.at(s) for part in self.parts for n, s in part.schema.get("properties", {}).items()}

    @property
    def kind(self) -> str:
        """Its JSON type."""
        return str(next(part.schema["type"] for part in self.parts if "type" in part.schema))


class Spec:
    """The standard's own description."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._registry: Registry[Any] = Registry(retrieve=_read)  # type: ignore[call-arg]

    def answer(self, method: str, status: str) -> Node:
        """What a method answers within the root, by its status."""
        endpoint = _node(self._folder / "endpoints" / f"{method}.json")
        told = endpoint.at(endpoint.schema["get"]["responses"]["200"])
        whole = told.at(told.schema["content"]["application/json"]["schema"])
        ways = whole.at(whole.schema["properties"][ROOT])
        success, failure = (ways.at(one) for one in ways.schema["oneOf"])
        return success if status == "ok" else failure

    def check(self, method: str, document: Mapping[str, Any]) -> None:
        """Raise where a document is none of the method's, or has a member that the standard does not know."""
        inside = document[ROOT]
        node = self.answer(method, inside["status"])
        schema = {"$ref": node.file.as_uri()}
        Draft202012Validator(schema, registry=self._registry, format_checker=_CHECKER).validate(inside)
        _refuse_unknown(inside, node, method)

    def read_xml(self, method: str, text: bytes) -> dict[str, Any]:
        """What XML says, as the same answer says it in JSON; a list that must be there and is not is empty."""
        root = ElementTree.fromstring(text)
        assert root.tag == _tag(ROOT)
        return {ROOT: _member(root, self.answer(method, root.attrib["status"]))}


def _refuse_unknown(value: Any, node: Node, where: str) -> None:
    if isinstance(value, dict):
        for name, one in value.items():
            assert name in node.members, f"{where} has no {name}"
            _refuse_unknown(one, node.members[name], f"{where}.{name}")
    elif isinstance(value, list):
        for one in value:
            _refuse_unknown(one, node.at(node.schema["items"]), where)


def _tag(name: str) -> str:
    return f"{{http://subsonic.org/restapi}}{name}"


def _member(element: ElementTree.Element, node: Node) -> Any:
    if node.kind != "object":
        return _typed(element.text or "", node)
    found: dict[str, Any] = {name: _typed(text, node.members[name]) for name, text in element.attrib.items()}
    if "value" in node.members:
        found["value"] = element.text or ""
    for child in element:
        name = child.tag.removeprefix(_tag(""))
        member = node.members[name]
        if member.kind == "array":
            found.setdefault(name, []).append(_member(child, member.at(member.schema["items"])))
        else:
            assert name not in found, f"{name} comes twice"
            found[name] = _member(child, member)
    needed = {name for part in node.parts for name in part.schema.get("required", ())}
    empty: dict[str, Any] = {n: [] for n in needed - set(found) if node.members[n].kind == "array"}
    return {**found, **empty}


def _typed(text: str, node: Node) -> Any:
    if node.kind == "boolean":
        return {"true": True, "false": False}[text]
    return {"integer": int, "number": float, "string": str}[node.kind](text)


def without_empty_lists(value: Any) -> Any:
    """As XML has it."""
    if isinstance(value, dict):
        return {n: without_empty_lists(one) for n, one in value.items() if one != []}
    return [without_empty_lists(one) for one in value] if isinstance(value, list) else value
