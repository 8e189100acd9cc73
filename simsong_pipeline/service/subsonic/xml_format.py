"""A document as XML: what is one value is an attribute, what is several or has parts is an element of its own."""

import re
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

_NAMESPACE = "http://subsonic.org/restapi"
# What XML 1.0 can say in no way, not even escaped.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The one member that is the element's text.
_TEXT = "value"


def xml_of(name: str, members: Mapping[str, Any]) -> bytes:
    """A document whose root has a name and members: values, lists, or members again. Null is left out."""
    root = Element(name, {"xmlns": _NAMESPACE})
    _fill(root, members)
    data: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return data


def _fill(element: Element, members: Mapping[str, Any]) -> None:
    for name, value in members.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                _fill(SubElement(element, name), one)
            elif isinstance(value, list):
                SubElement(element, name).text = _said(one)
            elif name == _TEXT:
                element.text = _said(one)
            elif one is not None:
                element.set(name, _said(one))


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _UNSAYABLE.sub("\ufffd", str(value))
