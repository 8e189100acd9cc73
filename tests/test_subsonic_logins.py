"""Who is let in to OpenSubsonic: by key, by password, by token; and the code of each refusal."""

import hashlib
import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from serving import Served, served

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.keys import Keys
from simsong_pipeline.service.subsonic.logins import user_of
from simsong_pipeline.service.subsonic.parameters import Parameters
from simsong_pipeline.service.subsonic.refusals import RefusedError, TwoLoginsError

KEY = "sesame-of-the-forty"
SALT = "c19b2d"


def _token(key: str, salt: str) -> str:
    return hashlib.md5(f"{key}{salt}".encode()).hexdigest()


def _hex(key: str) -> str:
    return f"enc:{key.encode().hex()}"


def _let_in(key: str | None, headers: dict[str, str] | None = None, **given: str) -> str | int:
    """The user, or the code of the refusal."""
    try:
        return user_of(Keys(key), headers or {}, Parameters(list(given.items())))
    except RefusedError as error:
        return error.code


def test_the_standards_own_token_fits() -> None:
    given = {"u": "joe", "t": "26719a1196d2a940705a59634eb18eab", "s": "c19b2d"}
    assert _let_in("sesame", **given) == "joe"
    assert _let_in("sesame", **{**given, "t": given["t"].upper()}) == "joe"
    assert _let_in("sesamf", **given) == 40


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        ({"apiKey": KEY}, "simsong"),
        ({"u": "mia", "p": KEY}, "mia"),
        ({"u": "mia", "p": _hex(KEY)}, "mia"),
        ({"u": "mia", "p": _hex(KEY).upper().replace("ENC", "enc")}, "mia"),
        ({"u": "mia", "t": _token(KEY, SALT), "s": SALT}, "mia"),
        ({"u": "mia", "t": _token(KEY, "ümläut"), "s": "ümläut"}, "mia"),
        ({}, 10),
        ({"apiKey": ""}, 10),
        ({"p": KEY}, 10),
        ({"u": "mia"}, 10),
        ({"u": "mia", "s": SALT}, 10),
        ({"u": "mia", "t": _token(KEY, SALT)}, 10),
        ({"u": "mia", "p": "wrong"}, 40),
        ({"u": "mia", "p": "enc:zz"}, 40),
        ({"u": "mia", "p": _hex("wrong")}, 40),
        ({"u": "mia", "t": _token("wrong", SALT), "s": SALT}, 40),
        ({"u": "mia", "t": _token(KEY, SALT), "s": "other1"}, 40),
        ({"u": "mia", "t": "ä" * 32, "s": SALT}, 40),
        ({"apiKey": "wrong"}, 44),
        ({"apiKey": "ü\ud800"}, 44),
        ({"apiKey": KEY, "u": "mia"}, 43),
        ({"apiKey": KEY, "p": KEY}, 43),
        ({"apiKey": KEY, "t": "x", "s": SALT}, 43),
        ({"u": "mia", "p": KEY, "t": _token(KEY, SALT), "s": SALT}, 43),
        ({"apiKey": KEY, "v": "1.16.1"}, "simsong"),
        ({"apiKey": KEY, "v": "1"}, "simsong"),
        ({"apiKey": KEY, "v": "0.9"}, 20),
        ({"apiKey": KEY, "v": "2.0.0"}, 30),
        ({"apiKey": KEY, "v": "new"}, 0),
        ({"apiKey": KEY, "v": "٣.1"}, 0),
    ],
)
def test_with_a_key(given: dict[str, str], outcome: str | int) -> None:
    assert _let_in(KEY, **given) == outcome


@pytest.mark.parametrize(
    "given", [{}, {"u": "mia"}, {"u": "mia", "p": "any"}, {"u": "mia", "t": "any"}, {"apiKey": "a"}]
)
def test_without_a_key_whoever_is_on_this_machine_is_let_in(given: dict[str, str]) -> None:
    assert _let_in(None, **given) == given.get("u", "simsong")


def test_without_a_key_what_contradicts_itself_is_refused_all_the_same() -> None:
    assert _let_in(None, apiKey="any", u="mia") == TwoLoginsError.code


def test_the_headers_of_the_other_faces_let_in_too() -> None:
    assert _let_in(KEY, {"authorization": f"Bearer {KEY}"}) == "simsong"
    assert _let_in(KEY, {"x-api-key": "wrong"}) == 10


@pytest.fixture(scope="module")
def keyed(finished_run: tuple[Workspace, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("keyed") / "home"
    shutil.copytree(finished_run[0].home, home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIMSONG_API_KEY", KEY)
        with served(Workspace(home), read_only=True) as running:
            yield running


@pytest.fixture(scope="module")
def client(keyed: Served) -> Iterator[httpx.Client]:
    with keyed.client() as client:
        yield client


def _code(answer: httpx.Response) -> int | None:
    """Of the refusal; null for an answer."""
    assert answer.status_code == 200
    inside = answer.json()["subsonic-response"]
    return inside["error"]["code"] if inside["status"] == "failed" else None


@pytest.mark.parametrize("name", ["ping", "getSong", "stream", "getCoverArt", "getPlaylists", "star", "startScan"])
def test_nothing_is_given_out_without_the_key(client: httpx.Client, keyed: Served, name: str) -> None:
    song = keyed.service.snapshots.present.library.songs_at([0])[0].id
    assert _code(client.get(f"/rest/{name}.view", params={"f": "json", "id": song})) == 10
    assert _code(client.post(f"/rest/{name}", data={"f": "json", "id": song, "apiKey": "wrong-horse"})) == 44


def test_the_extensions_are_told_to_everybody(client: httpx.Client) -> None:
    told = client.get("/rest/getOpenSubsonicExtensions", params={"f": "json"}).json()["subsonic-response"]
    assert {e["name"] for e in told["openSubsonicExtensions"]} >= {"apiKeyAuthentication", "formPost"}


def test_a_key_may_come_in_the_address_or_in_the_form(client: httpx.Client) -> None:
    assert _code(client.get("/rest/ping", params={"f": "json", "apiKey": KEY})) is None
    assert _code(client.post("/rest/ping", params={"f": "json"}, data={"apiKey": KEY})) is None
    assert _code(client.post("/rest/ping", params={"f": "json"}, json={"apiKey": KEY})) == 10


def test_a_pages_session_is_no_login(client: httpx.Client, keyed: Served) -> None:
    """Another site's page could make a browser send its cookie along."""
    assert client.post("/api/v1/session", json={"key": KEY}).status_code == 204
    assert client.cookies
    assert _code(client.get("/rest/ping", params={"f": "json"})) == 10


def test_players_in_a_browser_get_answers_from_a_service_with_a_key_alone(
    client: httpx.Client, served_sample: Served
) -> None:
    foreign = {"origin": "https://player.example.org", "sec-fetch-site": "cross-site"}
    answer = client.get("/rest/ping", params={"apiKey": KEY}, headers=foreign)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    asked = {**foreign, "access-control-request-method": "POST", "access-control-request-headers": "range"}
    assert client.options("/rest/stream.view", headers=asked).status_code == 200
    with served_sample.client() as open_client:
        refused = open_client.get("/rest/ping", headers=foreign)
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
