"""The client of music servers: what it shows of itself, what it tries again, and what it says of what goes wrong."""

import hashlib
import json
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import pytest

from simsong_pipeline import retrying
from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.linking import subsonic
from simsong_pipeline.linking.credentials import CredentialError, Credentials, read_credentials
from simsong_pipeline.linking.server_songs import all_lists, all_songs
from simsong_pipeline.linking.subsonic import ServerError, SubsonicServer, address_of
from simsong_pipeline.redaction import without_secrets

PASSWORD, KEY = "c4nary pass/wörd", "c4nary-api-key"
ASKER = Credentials("alice", PASSWORD)
Answer = Callable[[httpx.Request], httpx.Response]


def _ok(**more: object) -> httpx.Response:
    return httpx.Response(200, json={"subsonic-response": {"status": "ok", "version": "1.16.1", **more}})


def _failed(code: object, message: str = "no") -> httpx.Response:
    error = {"code": code, "message": message}
    return httpx.Response(200, json={"subsonic-response": {"status": "failed", "error": error}})


def _raise(error: Exception) -> httpx.Response:
    raise error


def _opened(answer: Answer, credentials: Credentials = ASKER, retry_s: float = 5.0) -> SubsonicServer:
    transport = httpx.MockTransport(answer)
    return SubsonicServer("http://music.example/navi/", credentials, lambda _: None, retry_s, transport=transport)


def _body(request: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.read().decode()).items()}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsonic, "_asked_for", lambda _: 0.0)
    monkeypatch.setattr(retrying, "_FIRST_S", 0.0)


def test_a_token_stands_for_the_password_and_nothing_is_in_the_address() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return _ok()

    with _opened(answer) as server:
        server.ask("getPlaylist", id="x")
    first, second = map(_body, seen)
    assert {str(request.url) for request in seen} == {
        "http://music.example/navi/rest/ping.view",
        "http://music.example/navi/rest/getPlaylist.view",
    }
    for body in (first, second):
        wanted = hashlib.md5(f"{PASSWORD}{body['s']}".encode(), usedforsecurity=False).hexdigest()
        assert body["t"] == wanted
        assert "p" not in body
        assert len(body["s"]) >= 6
    assert first["s"] != second["s"]


def test_with_a_key_nothing_else_is_shown() -> None:
    seen: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(_body(request))
        return _ok()

    with _opened(answer, Credentials(key=KEY)):
        pass
    assert len(seen) == 2
    for body in seen:
        assert body["apiKey"] == KEY
        assert not {"u", "p", "t", "s"} & set(body)


@pytest.mark.parametrize(
    ("told", "user"), [(_ok(tokenInfo={"username": "bob"}), "bob"), (_ok(tokenInfo=[]), None), (_failed(0), None)]
)
def test_a_key_says_whose_it_is_where_the_server_tells(told: httpx.Response, user: str | None) -> None:
    with _opened(lambda r: told if "tokenInfo" in r.url.path else _ok(), Credentials(key=KEY)) as server:
        assert server.user == user


def test_what_must_not_be_done_twice_is_asked_once() -> None:
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        return _ok() if tries == 1 else _raise(httpx.ReadError("cut", request=request))

    with _opened(answer) as server, pytest.raises(ServerError, match="no answer"):
        server.ask_once("createPlaylist", name="x")
    assert tries == 2


@pytest.mark.parametrize(
    "fault",
    [
        lambda _: httpx.Response(503),
        lambda _: httpx.Response(429, headers={"retry-after": "0"}),
        lambda request: _raise(httpx.ReadTimeout("slow", request=request)),
        lambda request: _raise(httpx.RemoteProtocolError("cut", request=request)),
    ],
)
def test_what_passes_is_tried_again(fault: Answer) -> None:
    tries = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal tries
        tries += 1
        return _ok() if tries in (1, 4) else fault(request)

    with _opened(answer) as server:
        assert server.ask("ping")["status"] == "ok"
    assert tries == 4


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: httpx.Response(500), "status 500"),
        (lambda _: httpx.Response(404, text="nothing"), "no Subsonic server"),
        (lambda _: httpx.Response(200, text="<html>"), "no Subsonic server"),
        (lambda _: httpx.Response(200, text="[" * 100_000), "no Subsonic server"),
        (lambda _: httpx.Response(200, json=[]), "no Subsonic server"),
        (lambda _: httpx.Response(200, json={"subsonic-response": {}}), "no Subsonic server"),
        (lambda _: httpx.Response(401), "lets nobody in"),
        (
            lambda _: httpx.Response(302, headers={"location": "https://u:p@other.example/x?t=5"}),
            "leads to https://other",
        ),
        (lambda _: _failed(40), "knows no such user"),
        (lambda _: _failed(44), "knows no such user"),
        (lambda _: _failed(50), "does not let this user"),
        (lambda _: _failed("x"), "no Subsonic server"),
        (lambda _: _failed(0, "a\nb" * 500), "refuses ping"),
        (lambda _: _failed(41), "no tokens"),
        (
            lambda request: (_ for _ in ()).throw(httpx.ConnectError("refused", request=request)),
            "is the server running",
        ),
    ],
)
def test_what_stays_wrong_is_said_in_one_line_at_once(answer: Answer, said: str) -> None:
    with pytest.raises(ServerError, match=said) as caught, _opened(answer):
        pass
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert "u:p@" not in str(caught.value)


def test_an_answer_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subsonic, "_MOST_BYTES", 1_000)
    with pytest.raises(ServerError, match="more than"), _opened(lambda _: httpx.Response(200, content=b"x" * 1_001)):
        pass


def _paged(songs: list[dict[str, object]], most: int) -> Answer:
    """A server that gives at most so many songs at once."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = _body(request)
        if "songOffset" not in body:
            return _ok()
        begin = int(body["songOffset"])
        return _ok(searchResult3={"song": songs[begin : begin + most]})

    return answer


@pytest.mark.parametrize("most", [1, 7, 500])
def test_pages_are_asked_for_until_there_are_no_more(most: int) -> None:
    songs: list[dict[str, object]] = [{"id": n, "title": f"T{n}", "duration": n} for n in range(20)]
    with _opened(_paged(songs, most)) as server:
        found = all_songs(server, lambda *_: None)
    assert found["external_id"].to_list() == [str(n) for n in range(20)]
    assert found["duration_s"].to_list() == [None, *map(float, range(1, 20))]


def test_a_server_whose_pages_repeat_themselves_comes_to_an_end() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return _ok(searchResult3={"song": [{"id": "1"}, {"id": "2"}]})

    with _opened(answer) as server:
        assert all_songs(server, lambda *_: None).height == 2


def test_odd_rows_cost_themselves_alone() -> None:
    songs: list[object] = [
        {"id": "good", "title": "T", "artist": 5, "duration": "61", "path": "a/b"},
        {"id": "dir", "isDir": True},
        {"id": "video", "isVideo": True},
        {"title": "no id"},
        {"id": ["list"]},
        "text",
        None,
        {"id": "good", "title": "again"},
        {"id": "odd", "title": {"a": 1}, "duration": "x", "path": "half \ud800", "artist": True},
        {"id": "long", "duration": 1e400},
    ]
    answer = json.dumps({"subsonic-response": {"status": "ok", "searchResult3": {"song": songs}}})
    with _opened(lambda _: httpx.Response(200, text=answer)) as server:
        found = all_songs(server, lambda *_: None)
    assert found["external_id"].to_list() == ["good", "odd", "long"]
    assert found.row(0, named=True)["artist"] == "5"
    assert found["duration_s"].to_list() == [61.0, None, None]


def test_lists_of_others_and_those_that_left_are_passed_over() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("getPlaylists.view"):
            rows = [
                {"id": "1", "name": "own"},
                {"id": "2", "name": "hers", "owner": "bob"},
                {"id": "3", "owner": "alice"},
            ]
            return _ok(playlists={"playlist": rows})
        if request.url.path.endswith("getPlaylist.view"):
            if _body(request)["id"] == "3":
                return _failed(70)
            return _ok(playlist={"entry": {"id": "s"}})  # not a list, as of one alone
        return _ok()

    with _opened(answer) as server:
        lists = all_lists(server, lambda *_: None)
    assert lists.rows() == [("1", "own", "playlist", 0, "s")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://host:4533", "http://host:4533"),
        (" https://Host/music/rest/ ", "https://host/music"),
        ("http://[::1]:4533/", "http://[::1]:4533"),
    ],
)
def test_addresses_are_brought_to_one_form(given: str, expected: str) -> None:
    assert address_of(given) == expected


@pytest.mark.parametrize(
    "given", ["host:4533", "", "ftp://host", "http://", "http://h:x", "/a/b", "http://[", "file:///x"]
)
def test_what_is_no_address_is_said(given: str) -> None:
    with pytest.raises(RawDataError, match="no address"):
        address_of(given)


@pytest.mark.parametrize("given", ["http://alice:c4nary-pw@host:4533", "https://host/rest/ping?u=a&p=c4nary-pw"])
def test_passwords_in_addresses_are_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(RawDataError) as caught:
        address_of(given)
    assert "c4nary-pw" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SIMSONG_SUBSONIC_USER": "a"},
        {"SIMSONG_SUBSONIC_PASSWORD": PASSWORD},
        {"SIMSONG_SUBSONIC_USER": "a", "SIMSONG_SUBSONIC_PASSWORD": PASSWORD, "SIMSONG_SUBSONIC_KEY": KEY},
        {"SIMSONG_SUBSONIC_KEY": "two words"},
    ],
)
def test_half_of_what_lets_in_is_said(environment: dict[str, str]) -> None:
    with pytest.raises(CredentialError) as caught:
        read_credentials(environment)
    assert "c4nary" not in str(caught.value)


def test_secrets_are_not_shown_in_any_form() -> None:
    asker = read_credentials({"SIMSONG_SUBSONIC_USER": "a", "SIMSONG_SUBSONIC_PASSWORD": PASSWORD})
    environment = {"SIMSONG_SUBSONIC_PASSWORD": PASSWORD, "SIMSONG_SUBSONIC_KEY": KEY}
    shown = asker.parameters(shows_password=True)["p"]
    for said in (PASSWORD, KEY, shown, f"GET /rest/ping?u=alice&p={shown}&x=1 HTTP"):
        clean = without_secrets(f"it said {said}!", environment)
        assert "***" in clean
        assert PASSWORD.encode().hex() not in clean
        assert "c4nary" not in clean
    address = "http://h/rest/ping.view?u=alice&t=0123456789abcdef&s=abcdef12&c=x&apiKey=secret-k"
    clean = without_secrets(address, {})
    for part in ("alice", "0123456789abcdef", "abcdef12", "secret-k"):
        assert part not in clean
    assert "c=x" in clean
    assert PASSWORD not in repr(asker)
    assert issubclass(ServerError, SimSongError)
