"""Who is let in: keys, hosts, other sites' pages, sizes; and that no key is ever said."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from simsong_pipeline.errors import AmbiguousSongError, SimSongError, StoreError, UnknownSongError
from simsong_pipeline.redaction import without_secrets
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.service.guards import Guards
from simsong_pipeline.service.keys import VARIABLE, Keys, keys_for
from simsong_pipeline.service.problems import ProblemError, problem_of
from simsong_pipeline.service.sessions import Sessions
from simsong_pipeline.service.settings import ServiceSettings

KEY = "correct-horse-battery"
_OWN = {"host": "127.0.0.1:8080"}


async def _fine(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse("fine")(scope, receive, send)


def _asked(
    path: str = "/api/v1/similar",
    method: str = "GET",
    headers: Mapping[str, str] = _OWN,
    keys: Keys | None = None,
    body: bytes = b"",
    query: str = "",
    app: object = _fine,
    **settings: object,
) -> tuple[int, dict[str, str], bytes]:
    sent: list[Message] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(n.encode(), v.encode()) for n, v in headers.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    guards = Guards(app, ServiceSettings(**settings), keys or Keys(None))  # type: ignore[arg-type]
    asyncio.run(guards(scope, receive, send))
    given = {n.decode(): v.decode() for n, v in sent[0]["headers"]}
    return sent[0]["status"], given, b"".join(m.get("body", b"") for m in sent[1:])


def test_without_a_key_this_machine_is_let_in_with_headers_that_bind_browsers() -> None:
    status, headers, body = _asked()
    assert (status, body) == (200, b"fine")
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "127.8.8.8:99", "[::1]:8080", "LOCALHOST"])
def test_own_names_are_answered(host: str) -> None:
    assert _asked(headers={"host": host})[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "", "127.0.0.1.nip.io", "[::1", "0.0.0.0"]
)
def test_names_that_are_bound_to_this_machine_by_others_are_refused(host: str) -> None:
    status, headers, _ = _asked(headers={"host": host})
    assert status == 421
    assert _asked(headers={"host": host, "x-api-key": KEY}, keys=Keys(KEY))[0] == 200
    assert headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "more",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_what_other_sites_make_a_browser_ask_is_refused(method: str, more: dict[str, str]) -> None:
    for path in ("/api/v1/never", "/rest/createPlaylist", "/api/similar_tracks"):
        assert _asked(path, method, {**_OWN, **more})[0] == 403
        assert _asked(path, method, {**_OWN, **more, "sec-fetch-mode": "navigate"})[0] == 403
    with_key = {**_OWN, **more, "x-api-key": KEY}
    assert _asked("/api/v1/never", method, with_key, Keys(KEY))[0] == 200


def test_own_pages_and_links_to_the_page_are_let_in() -> None:
    same = {**_OWN, "sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}
    assert _asked("/api/v1/never", "PUT", same)[0] == 200
    link = {**_OWN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert _asked("/", "GET", link)[0] == 200
    behind_a_proxy = {**_OWN, "sec-fetch-site": "same-origin", "origin": "https://music.example"}
    assert _asked("/api/v1/never", "PUT", behind_a_proxy)[0] == 200


@pytest.mark.parametrize("path", ["/api/v1/similar", "/api/similar_tracks", "/openapi.json", "/docs", "/api/v2/x"])
def test_a_key_is_asked_for_and_taken_by_either_header(path: str) -> None:
    keys = Keys(KEY)
    assert _asked(path, keys=keys)[0] == 401
    for wrong in ({"authorization": f"Bearer {KEY}x"}, {"authorization": KEY}, {"x-api-key": ""}, {"x-api-key": "é"}):
        assert _asked(path, headers={**_OWN, **wrong}, keys=keys)[0] == 401
    for right in ({"authorization": f"bearer {KEY}"}, {"x-api-key": KEY}):
        assert _asked(path, headers={**_OWN, **right}, keys=keys)[0] == 200


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/v1/health", "/rest/ping"])
def test_page_and_health_need_none_and_rest_asks_by_itself(path: str) -> None:
    assert _asked(path, keys=Keys(KEY))[0] == 200


def test_sessions_let_in_until_they_end(tmp_path: Path) -> None:
    keys = Keys(KEY, Sessions(tmp_path / "sessions"))
    session = keys.begin_session()
    cookie = {**_OWN, "cookie": f"a=b; simsong_session={session}"}
    assert _asked(headers=cookie, keys=keys)[0] == 200
    assert _asked(headers={**_OWN, "cookie": "simsong_session=other"}, keys=keys)[0] == 401
    assert _asked(headers={**cookie, "origin": "http://evil.example"}, keys=keys)[0] == 403
    keys.end_session(session)
    assert _asked(headers=cookie, keys=keys)[0] == 401


def test_tokens_of_subsonic_are_of_the_key_and_the_salt() -> None:
    token = hashlib.md5(f"{KEY}salt".encode()).hexdigest()
    assert Keys(KEY).fits_token(token, "salt")
    assert Keys(KEY).fits_token(token.upper(), "salt")
    assert not Keys(KEY).fits_token(token, "other")
    assert not Keys(KEY).fits_token("", "")
    assert not Keys(None).fits_token(token, "salt")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "music.example"])
def test_other_machines_are_let_in_by_key_alone(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(SimSongError, match=VARIABLE):
        keys_for(host)
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(SimSongError, match="longer"):
        keys_for(host)
    monkeypatch.setenv(VARIABLE, KEY)
    assert keys_for(host).fits(KEY)
    assert not is_loopback(host)
    assert KEY not in without_secrets(f"GET /rest/ping?apiKey={KEY}")


def test_sizes_are_bounded() -> None:
    assert _asked(query="q=" + "x" * 40_000)[0] == 414
    assert _asked(method="POST", body=b"x" * 2_000_000)[0] == 413
    assert _asked(method="POST", body=b"x" * 900_000)[0] == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [(UnknownSongError("no"), 404), (StoreError("away"), 503), (ProblemError(418, "tea", "no"), 418)],
)
def test_errors_for_people_are_problems(error: Exception, status: int) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    found, headers, body = _asked(app=failing)
    assert found == status
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["detail"] == str(error)


def test_mistakes_are_problems_without_their_text() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError(KEY)

    status, _, body = _asked(app=failing)
    assert status == 500
    assert KEY not in body.decode()


def test_mistakes_before_the_first_piece_of_an_answer_are_told_and_later_ones_end_it() -> None:
    head: Message = {"type": "http.response.start", "status": 200, "headers": []}

    async def early(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(head)
        raise ZeroDivisionError

    async def late(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(head)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ZeroDivisionError

    assert _asked(app=early)[0] == 500
    with pytest.raises(ZeroDivisionError):
        _asked(app=late)


def test_of_a_header_that_comes_twice_the_first_counts_and_an_answers_own_stay() -> None:
    async def own(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"origin"), (b"x", b"1")]}
        )
        await send({"type": "http.response.body", "body": b""})

    _, headers, _ = _asked(app=own)
    assert (headers["referrer-policy"], headers["x"]) == ("origin", "1")
    assert headers["x-content-type-options"] == "nosniff"
    twice = [(b"host", b"localhost"), (b"host", b"evil.example")]
    for order, status in ((twice, 200), (twice[::-1], 421)):
        sent: list[Message] = []
        asyncio.run(_guarded(order, sent))
        assert sent[0]["status"] == status


async def _guarded(headers: list[tuple[bytes, bytes]], sent: list[Message]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/v1/similar", "query_string": b"", "headers": headers}
    await Guards(_fine, ServiceSettings(), Keys(None))(scope, receive, send)


def test_candidates_are_listed() -> None:
    problem = problem_of(AmbiguousSongError("two fit:", "  a (1)", "  b (2)"))
    assert problem.body()["candidates"] == ["a (1)", "b (2)"]


def test_slow_questions_are_ended() -> None:
    async def never() -> Message:
        await asyncio.sleep(30)
        return {}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
    guards = Guards(_fine, ServiceSettings(body_timeout_s=0.05), Keys(None))
    asyncio.run(guards(scope, never, send))
    assert sent[0]["status"] == 408


def test_clients_that_take_nothing_are_left() -> None:
    async def stuck(message: Message) -> None:
        await asyncio.sleep(30)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"localhost")]}
    guards = Guards(_fine, ServiceSettings(send_timeout_s=0.05), Keys(None))
    asyncio.run(asyncio.wait_for(guards(scope, receive, stuck), 5))
