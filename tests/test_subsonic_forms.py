"""OpenSubsonic's documents and parameters by themselves: XML that can be read whatever a title holds, JSON, calls."""

import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simsong_pipeline.errors import AmbiguousSongError, RawDataError, StoreError, UnknownSongError
from simsong_pipeline.service.problems import ProblemError
from simsong_pipeline.service.recordings import NoRecordingError
from simsong_pipeline.service.subsonic import refusals
from simsong_pipeline.service.subsonic.answers import answered, as_call, as_json, as_xml, format_of, refused
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import MissingParameterError, RefusedError, refusal_of
from simsong_pipeline.service.subsonic.xml_format import xml_of

# What XML 1.0 has letters for.
SAYABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n")
)


def _read(members: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(xml_of("root", members))


@given(SAYABLE)
def test_a_text_comes_back_from_xml_as_it_was(text: str) -> None:
    root = _read({"song": {"title": text, "genres": [text]}, "genre": [{"value": text}]})
    song, genre = root
    assert song.attrib["title"] == text
    assert (song[0].text or "") == text
    assert (genre.text or "") == text


@given(st.text())
def test_any_text_gives_xml_that_can_be_read(text: str) -> None:
    song = _read({"song": {"title": text, "isrc": [text]}})[0]
    assert len(song.attrib["title"]) == len(text)


@pytest.mark.parametrize("bad", ["\x00", "\x08", "\x0b", "\x1f", "\ufffe", "\uffff", "\ud800"])
def test_what_xml_cannot_say_is_replaced_by_the_mark_for_it(bad: str) -> None:
    assert _read({"title": f"a{bad}b"}).attrib["title"] == "a\ufffdb"


def test_members_are_attributes_elements_and_texts() -> None:
    several: list[dict[str, Any]] = [{"value": "x", "n": 2}, {"value": "y"}]
    told = {"a": 1, "b": True, "c": 0.5, "d": None, "e": {}, "f": several, "g": ["p", "q"]}
    _, line = xml_of("root", told).decode().split("\n", 1)
    begin = '<root xmlns="http://subsonic.org/restapi" a="1" b="true" c="0.5">'
    assert line == f'{begin}<e /><f n="2">x</f><f>y</f><g>p</g><g>q</g></root>'


def test_json_leaves_out_what_is_null_at_every_depth() -> None:
    told = json.loads(as_json({"a": None, "b": [{"c": None, "d": 0}]}).body)
    assert told == {"subsonic-response": {"b": [{"d": 0}]}}


def test_a_call_is_a_script_that_no_title_can_break() -> None:
    body = bytes(as_call("app.got", {"title": "</script>\u2028\n'\""}).body).decode()
    assert body.startswith("/**/app.got({")
    assert body.endswith("});")
    assert "\u2028" not in body
    assert "\n" not in body


@pytest.mark.parametrize("callback", ["", "a b", "alert(1)//", "a.", ".a", "1a", "a\n", "é", "a" * 200])
def test_a_callback_is_a_name(callback: str) -> None:
    with pytest.raises(MissingParameterError):
        format_of(Parameters([("f", "jsonp"), ("callback", callback)]))


@pytest.mark.parametrize(
    ("f", "media"), [(None, "text/xml"), ("xml", "text/xml"), ("JSON", "application/json"), ("?", "text/xml")]
)
def test_xml_is_what_nobody_asks_for(f: str | None, media: str) -> None:
    response = format_of(Parameters([] if f is None else [("f", f)]))(answered({}))
    assert response.headers["content-type"].split(";")[0] == media


def test_every_document_says_who_speaks() -> None:
    for document in (answered({}), refused(RefusedError("no"))):
        assert {"status", "version", "type", "serverVersion", "openSubsonic"} <= set(document)
    assert refused(MissingParameterError("id"))["error"] == {"code": 10, "message": "the parameter id is missing"}
    assert ElementTree.fromstring(bytes(as_xml(refused(RefusedError("a\x00<b>"))).body))[0].attrib == {
        "code": "0",
        "message": "a\ufffd<b>",
    }


def test_each_code_has_one_class() -> None:
    kinds = [k for k in vars(refusals).values() if isinstance(k, type) and issubclass(k, RefusedError)]
    codes = [k.code for k in kinds if k.http_status == 200]
    assert sorted(codes) == sorted(set(codes)) == [0, 10, 20, 30, 40, 43, 44, 50, 70]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownSongError("no song"), 70),
        (NoRecordingError("gone"), 70),
        (AmbiguousSongError("two", "a", "b"), 0),
        (StoreError("index"), 0),
        (RawDataError("damaged"), 0),
        (ProblemError(403, "read-only", "reads"), 50),
        (ProblemError(404, "x", "none"), 70),
        (ProblemError(422, "invalid", "bad"), 0),
    ],
)
def test_errors_of_the_other_rooms_have_codes(error: Any, code: int) -> None:
    assert refusal_of(error).code == code


def test_the_last_value_counts_where_one_does_and_all_where_several_do() -> None:
    given = Parameters([("id", "a"), ("id", ""), ("id", "b"), ("count", "7"), ("n", "")])
    assert given.text("id") == "b"
    assert given.every("id") == ["a", "b"]
    assert given.number("count", 3) == 7
    assert given.number("n", 3) == 3
    assert given.text("n") is None
    assert given.given("n") == ""
    for ask in (given.needed, given.given):
        with pytest.raises(MissingParameterError, match="nothing is missing"):
            ask("nothing")


@pytest.mark.parametrize(("text", "number"), [("-5", 0), ("99999999999999999999", 500), ("500", 500), (" 4 ", 4)])
def test_numbers_are_brought_into_their_bounds(text: str, number: int) -> None:
    assert Parameters([("count", text)]).number("count", 10, 500) == number


@pytest.mark.parametrize("text", ["x", "1.5", "1e3", "0x10", "9" * 5_000, "²"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="count is a whole number"):
        Parameters([("count", text)]).number("count", 10)
