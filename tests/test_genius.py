"""Genius through the real HTTP client, against a server of our own that does everything that goes wrong."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from fake_genius import FakeGenius, hit, hits, page
from loopback import CAPTCHA, Reply, bomb, reply, reset, serve, slow

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.names import SongName
from simsong_pipeline.providers.web.genius import Found, Genius, Origins
from simsong_pipeline.providers.web.genius_page import read_page
from simsong_pipeline.providers.web.polite_client import (
    Clock,
    Limits,
    PoliteClient,
    ProviderStoppedError,
    origin_of,
    retry_after,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "secret-token-of-a-person"
SONG = SongName("Anna", "Sea")


@dataclass
class Waits:
    """A clock that does not wait, and remembers what it was asked to."""

    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def fake() -> Iterator[FakeGenius]:
    with serve(FakeGenius()) as server:
        yield server


def _ask(fake: FakeGenius, wanted: SongName = SONG, waits: Waits | None = None, **limits: float) -> Found:
    settings = Limits(**{"interval_s": 0.0, "deadline_s": 0.5, "max_bytes": 200_000, **limits})  # type: ignore[arg-type]
    origins = Origins(fake.address, fake.address)
    clock = Clock(now=lambda: NOW, sleep=(waits or Waits()).sleep)
    with PoliteClient("Genius", origins.allowed, settings, random.Random(0), clock) as client:
        return Genius(client, TOKEN, origins).lyrics(wanted)


def test_lyrics_are_those_of_all_containers_without_asides(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply(page("waves & waves\nand more")))
    found = _ask(fake)
    assert (found.status, found.matched, found.likeness) == ("OK", "Anna - Sea", 1.0)
    assert found.text == "[Verse 1]\nwaves & waves\nand more\nthe last line"


def test_token_goes_to_the_api_and_is_in_no_repr(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea")
    _ask(fake)
    assert fake.tokens == [f"Bearer {TOKEN}"]
    client = PoliteClient("Genius", frozenset(), Limits(), random.Random(0))
    with client:
        assert TOKEN not in repr(Genius(client, TOKEN)) + repr(vars(client))


@pytest.mark.parametrize("asked_for", ["7", format_datetime(NOW + timedelta(seconds=7), usegmt=True)])
def test_retry_after_is_honoured_in_seconds_and_as_a_date(fake: FakeGenius, asked_for: str) -> None:
    fake.song("Anna", "Sea", reply("slow down", 429, Retry_After=asked_for), reply(page("waves")))
    waits = Waits()
    assert _ask(fake, waits=waits).status == "OK"
    assert max(waits.slept) >= 7


def test_server_that_is_down_is_asked_again_with_growing_pauses(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply("", 503))
    waits = Waits()
    found = _ask(fake, waits=waits, interval_s=1.0)
    assert (found.status, found.reason) == ("TRANSIENT", "status 503")
    pauses = [s for s in waits.slept if s > 0]
    assert fake.asked["/Anna-Sea-lyrics"] == 4
    assert max(pauses) >= 4


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (reset, "RemoteProtocolError"),
        (reply("half", Content_Length="400"), "RemoteProtocolError"),
        (slow, "ReadTimeout"),
    ],
    ids=["reset", "wrong length", "slow"],
)
def test_broken_answer_is_asked_for_again(fake: FakeGenius, first: Reply, reason: str) -> None:
    fake.song("Anna", "Sea", first, reply(page("waves")))
    assert _ask(fake).status == "OK"
    fake.song("Bea", "Sea", first)
    found = _ask(fake, SongName("Bea", "Sea"), retries=0)
    assert found.status == "TRANSIENT"
    assert reason in found.reason


def test_answer_that_unpacks_to_too_much_is_refused(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", bomb)
    found = _ask(fake, deadline_s=30)
    assert (found.status, fake.asked["/Anna-Sea-lyrics"]) == ("BLOCKED", 1)
    assert "larger than" in found.reason


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/x", "file:///etc/passwd", "http://127.0.0.1:9/x", "//169.254.169.254/"]
)
def test_redirect_to_anywhere_else_is_refused(fake: FakeGenius, target: str) -> None:
    fake.song("Anna", "Sea", reply("", 302, Location=target))
    found = _ask(fake)
    assert found.status == "BLOCKED"
    assert "which is not asked" in found.reason


def test_redirect_within_the_provider_is_followed(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply("", 301, Location="/moved"))
    fake.pages["/moved"] = [reply(page("waves"))]
    assert _ask(fake).status == "OK"


def test_redirects_in_a_circle_end(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply("", 302, Location="/Anna-Sea-lyrics"))
    assert _ask(fake).reason == "too many redirects"


def test_captcha_with_a_good_status_is_never_lyrics(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply(CAPTCHA))
    found = _ask(fake)
    assert (found.status, found.text) == ("BLOCKED", None)


def test_captcha_in_place_of_a_search_is_a_refusal(fake: FakeGenius) -> None:
    fake.searches["Anna Sea"] = [reply(CAPTCHA)]
    assert _ask(fake).status == "BLOCKED"


def test_provider_that_refuses_again_and_again_is_left_alone(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply(CAPTCHA))
    with pytest.raises(ProviderStoppedError, match="after 2026-03-01 13:00 UTC"):
        _ask(fake, stop_after=1)


def test_long_pause_asked_for_stops_and_says_when_to_go_on(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea", reply("", 429, Retry_After="7200"))
    with pytest.raises(ProviderStoppedError, match="after 2026-03-01 14:00 UTC"):
        _ask(fake)


def test_wrong_token_is_named(fake: FakeGenius) -> None:
    fake.searches["Anna Sea"] = [reply("", 401)]
    with pytest.raises(RawDataError, match="GENIUS_ACCESS_TOKEN"):
        _ask(fake)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<html><p>Lyrics for this song have yet to be transcribed.</p></html>", "NOT_FOUND"),
        ("<html><p>This song is an instrumental</p></html>", "INSTRUMENTAL"),
        ("<html><div data-lyrics-container='true'>[Instrumental]</div></html>", "INSTRUMENTAL"),
        ("<html><p>A page of another design</p></html>", "TRANSIENT"),
    ],
)
def test_page_without_lyrics_ends_in_the_right_state(fake: FakeGenius, text: str, status: str) -> None:
    fake.song("Anna", "Sea", reply(text))
    assert _ask(fake).status == status


def test_lyrics_that_speak_of_a_captcha_are_lyrics() -> None:
    assert read_page(page("just a moment\nverify you are human")).kind == "lyrics"


def test_empty_result_is_not_found(fake: FakeGenius) -> None:
    assert _ask(fake).status == "NOT_FOUND"


def test_surest_hit_is_taken_and_the_runner_up_kept(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea")
    others = [hit("Genius Romanizations", "Anna - Sea", "/no"), hit("Anna", "Sea (Live)", "/live")]
    fake.searches["Anna Sea"] = [hits(*others, hit("Anna", "Sea", "/Anna-Sea-lyrics"))]
    found = _ask(fake)
    assert (found.status, found.likeness) == ("OK", 1.0)
    assert found.runner_up is not None
    assert found.runner_up < 0.8


def test_hit_that_is_another_song_is_not_taken(fake: FakeGenius) -> None:
    fake.searches["Anna Sea"] = [hits(hit("Anna", "Mountain", "/a"), hit("Somebody", "Sea", "/b"))]
    found = _ask(fake)
    assert (found.status, found.text) == ("NOT_FOUND", None)
    assert "the nearest is" in found.reason


def test_requests_keep_their_distance(fake: FakeGenius) -> None:
    fake.song("Anna", "Sea")
    settings = Limits(interval_s=0.2)
    origins = Origins(fake.address, fake.address)
    with PoliteClient("Genius", origins.allowed, settings, random.Random(0)) as client:
        Genius(client, TOKEN, origins).lyrics(SONG)
        Genius(client, TOKEN, origins).lyrics(SONG)
    gaps = [later - earlier for earlier, later in zip(fake.times[:-1], fake.times[1:], strict=True)]
    assert len(gaps) == 3
    assert min(gaps) >= 0.19


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("12", 12.0),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_header(value: str | None, expected: float | None) -> None:
    assert retry_after(value, NOW) == expected


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "/relative", "javascript:alert(1)", "http://"])
def test_address_that_is_not_of_the_web_has_no_origin(url: str) -> None:
    assert origin_of(url) == ""


def test_search_that_is_not_there_settles_nothing(fake: FakeGenius) -> None:
    fake.searches["Anna Sea"] = [reply("", 404)]
    assert _ask(fake).status == "TRANSIENT"


@pytest.mark.parametrize("target", ["http://[", "http://[::1", "x" * 70_000])
def test_redirect_to_no_address_at_all_is_refused(fake: FakeGenius, target: str) -> None:
    fake.song("Anna", "Sea", reply("", 302, Location=target))
    assert _ask(fake).status in ("BLOCKED", "TRANSIENT", "NOT_FOUND")


@pytest.mark.parametrize("value", ["9" * 400, "²", "Fri, 99 Foo 99999 99:99:99 GMT"])
def test_absurd_retry_after_is_no_crash(value: str) -> None:
    assert (retry_after(value, NOW) or 0) <= 30 * 86_400


def test_hit_with_an_impossible_path_is_no_crash(fake: FakeGenius) -> None:
    fake.searches["Anna Sea"] = [hits(hit("Anna", "Sea", "/\x00"))]
    assert _ask(fake).status == "BLOCKED"


def test_instrumental_page_with_a_bot_script_is_an_instrumental() -> None:
    script = "<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"
    assert read_page(f"<html>{script}<p>This song is an instrumental</p></html>").kind == "instrumental"


def test_provider_that_cannot_be_reached_is_left_alone(fake: FakeGenius) -> None:
    origins = Origins("http://127.0.0.1:9", "http://127.0.0.1:9")
    limits = Limits(interval_s=0.0, retries=1, stop_after=2)
    clock = Clock(now=lambda: NOW, sleep=Waits().sleep)
    with PoliteClient("Genius", origins.allowed, limits, random.Random(0), clock) as client:
        assert Genius(client, TOKEN, origins).lyrics(SONG).status == "TRANSIENT"
        with pytest.raises(ProviderStoppedError, match="or is away"):
            Genius(client, TOKEN, origins).lyrics(SONG)


def test_token_is_not_taken_along_to_another_origin() -> None:
    with serve(FakeGenius()) as api, serve(FakeGenius()) as site:
        api.searches["Anna Sea"] = [reply("", 302, Location=f"{site.address}/search?q=Anna%20Sea")]
        origins = Origins(api.address, site.address)
        clock = Clock(now=lambda: NOW, sleep=Waits().sleep)
        with PoliteClient("Genius", origins.allowed, Limits(interval_s=0), random.Random(0), clock) as client:
            Genius(client, TOKEN, origins).lyrics(SONG)
        assert (api.tokens, site.tokens) == ([f"Bearer {TOKEN}"], [None])
