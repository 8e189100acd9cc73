"""The real yt-dlp against a YouTube of our own: every fault ends in the right state, and nothing finished is lost."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import soundfile
from fake_youtube import AGE, BOT, ELSEWHERE, GONE, PRIVATE, FakeYouTube, Video, sound, tone
from loopback import CAPTCHA, bomb, reply, reset, serve, slow

from simsong_pipeline.names import SongName
from simsong_pipeline.providers.matching import WantedSong
from simsong_pipeline.providers.web.polite_client import Clock, Limits, PoliteClient, ProviderStoppedError
from simsong_pipeline.providers.web.youtube import YouTube
from simsong_pipeline.providers.web.youtube_song import AudioFound, fetch_song

SECONDS = 6.0
QUERY = "The Lanterns Harbour Light"
WANTED = WantedSong(SongName("The Lanterns", "Harbour Light"), SECONDS)
MEDIA = tone(SECONDS)
SEARCH, PLAYER = "/youtubei/v1/search", "/youtubei/v1/player"


def _video(title: str = "The Lanterns - Harbour Light", channel: str = "The Lanterns", **more: object) -> Video:
    return Video(title, channel, SECONDS, [sound(MEDIA)], **more)  # type: ignore[arg-type]


@pytest.fixture
def fake() -> Iterator[FakeYouTube]:
    with serve(FakeYouTube()) as server:
        yield server


class Asker:
    """Asks the fake with a clock that never really sleeps; `slept` is what it would have."""

    def __init__(self, fake: FakeYouTube, folder: Path) -> None:
        self._fake, self._folder = fake, folder
        self.slept: list[float] = []
        self.target = folder / "audio" / "song.flac"

    def __call__(self, wanted: WantedSong = WANTED, times: int = 1, **limits: object) -> AudioFound:
        clock = Clock(sleep=self.slept.append)
        chosen = Limits(**({"interval_s": 0.0, "retries": 2, "max_bytes": 2_000_000} | limits))  # type: ignore[arg-type]
        origins = frozenset({self._fake.address})
        with PoliteClient("YouTube", origins, chosen, random.Random(0), clock) as client:
            youtube = YouTube(client, self._folder / "scratch", self._fake.address, chosen.max_bytes)
            for _ in range(times):
                found = fetch_song(youtube, wanted, self.target, results=5, tries=3)
        return found


@pytest.fixture
def ask(fake: FakeYouTube, tmp_path: Path) -> Asker:
    return Asker(fake, tmp_path)


def test_found_song_is_kept_as_16_khz_mono(fake: FakeYouTube, ask: Asker, tmp_path: Path) -> None:
    ids = fake.song(QUERY, _video("Harbour Light (Live)"), _video())
    found = ask()
    assert (found.status, found.video_id) == ("OK", ids[1])
    info = soundfile.info(ask.target)
    assert (info.samplerate, info.channels) == (16_000, 1)
    assert abs(info.duration - SECONDS) < 0.2
    assert not list((tmp_path / "scratch").iterdir())


def test_runner_up_and_channel_are_kept(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video(channel="a fan"), _video("Harbour Light", "The Lanterns - Topic"))
    found = ask()
    assert found.channel == "The Lanterns - Topic"
    assert found.likeness is not None
    assert found.runner_up is not None
    assert found.likeness > found.runner_up > 0.9


@pytest.mark.parametrize("videos", [[], ["The Lanterns - Harbour Light (Live)", "Someone Else - Harbour Light"]])
def test_no_sure_video_is_not_found(fake: FakeYouTube, ask: Asker, videos: list[str]) -> None:
    fake.song(QUERY, *[_video(title, "x") for title in videos])
    assert ask().status == "NOT_FOUND"
    assert not ask.target.exists()


@pytest.mark.parametrize("fault", [AGE, PRIVATE, GONE, ELSEWHERE], ids=["age", "private", "gone", "country"])
def test_video_that_cannot_be_had_gives_way_to_the_next(fake: FakeYouTube, ask: Asker, fault: dict[str, str]) -> None:
    ids = fake.song(QUERY, _video("Harbour Light", "The Lanterns - Topic", **fault), _video())
    found = ask()
    assert (found.status, found.video_id) == ("OK", ids[1])
    assert ids[0] in found.reason


def test_no_candidate_that_can_be_had_is_unavailable(fake: FakeYouTube, ask: Asker) -> None:
    ids = fake.song(QUERY, _video(**AGE), _video(**GONE))
    found = ask()
    assert found.status == "UNAVAILABLE"
    assert all(i in found.reason for i in ids)


def test_recording_that_is_cut_short_gives_way_to_the_next(fake: FakeYouTube, ask: Asker) -> None:
    short = _video("Harbour Light", "The Lanterns - Topic")
    short.media = [sound(tone(2.0))]
    ids = fake.song(QUERY, short, _video())
    found = ask()
    assert (found.status, found.video_id) == ("OK", ids[1])
    assert "truncated" in found.reason


@pytest.mark.parametrize("what", ["seconds", "date"])
def test_too_many_requests_is_waited_for(fake: FakeYouTube, ask: Asker, what: str) -> None:
    fake.song(QUERY, _video())
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    fake.refusals[SEARCH] = [reply("", 429, Retry_After="30" if what == "seconds" else later)]
    assert ask().status == "OK"
    assert 25 <= max(ask.slept) <= 46


@pytest.mark.parametrize("fault", [reply("", 503), reset, reply("short", Content_Length="500")])
def test_passing_fault_of_a_download_is_tried_again(fake: FakeYouTube, ask: Asker, fault: object) -> None:
    video = _video()
    video.media = [fault, *video.media]  # type: ignore[list-item]
    fake.song(QUERY, video)
    assert ask().status == "OK"


@pytest.mark.parametrize("path", [SEARCH, PLAYER])
def test_lasting_server_fault_is_transient(fake: FakeYouTube, ask: Asker, path: str) -> None:
    fake.song(QUERY, _video())
    fake.refusals[path] = [reply("", 503)] * 3
    assert ask().status == "TRANSIENT"
    assert ask().status == "OK"


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("HTTP Error 503: Service Unavailable", "transient"),
        ("HTTP Error 404: Not Found", "unavailable"),
        ("HTTP Error 403: Forbidden", "blocked"),
        ("Unable to extract private player", "transient"),
        ("[Errno 11] Resource temporarily unavailable", "transient"),
        ("Requested format is not available", "transient"),
        ("Video unavailable", "unavailable"),
        ("Private video. Sign in if you have been granted access", "unavailable"),
        ("Join this channel to get access to members-only content", "unavailable"),
        ("Sign in to confirm you’re not a bot", "blocked"),
    ],
)
def test_only_what_lies_with_the_video_settles_it(tmp_path: Path, sentence: str, fault: str) -> None:
    with PoliteClient("YouTube", frozenset(), Limits(stop_after=9), random.Random(0)) as client:
        assert YouTube(client, tmp_path)._fault(sentence) == fault


def test_outdated_extractor_stops_and_says_so(tmp_path: Path) -> None:
    with PoliteClient("YouTube", frozenset(), Limits(stop_after=2), random.Random(0)) as client:
        youtube = YouTube(client, tmp_path)
        youtube._fault("Requested format is not available")
        with pytest.raises(ProviderStoppedError, match="pip install -U yt-dlp"):
            youtube._fault("Requested format is not available")


def test_captcha_with_a_good_status_is_not_an_answer(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video())
    fake.refusals[SEARCH] = [reply(CAPTCHA)]
    assert ask().status in ("BLOCKED", "TRANSIENT")
    assert not ask.target.exists()


@pytest.mark.parametrize("target", ["http://10.0.0.1/x", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_redirect_elsewhere_is_refused(fake: FakeYouTube, ask: Asker, target: str) -> None:
    video = _video()
    video.media = [reply("", 302, Location=target)]
    fake.song(QUERY, video)
    found = ask()
    assert found.status != "OK"
    assert "not asked" in found.reason
    assert not ask.target.exists()


@pytest.mark.parametrize("body", [slow, bomb], ids=["slow", "bomb"])
def test_endless_body_is_given_up(fake: FakeYouTube, ask: Asker, body: object) -> None:
    video = _video()
    video.media = [body]  # type: ignore[list-item]
    fake.song(QUERY, video)
    found = ask(deadline_s=0.3, retries=0)
    assert found.status in ("TRANSIENT", "UNAVAILABLE")
    assert not ask.target.exists()


def test_bot_check_blocks_the_song_and_then_the_provider(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video(**BOT))
    found = ask()
    assert found.status == "BLOCKED"
    with pytest.raises(ProviderStoppedError, match="run the same command again after"):
        ask(times=3)
    before = sum(fake.asked.values())
    assert before < 40


def test_good_download_between_bot_checks_keeps_the_provider(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video())
    refused = WantedSong(SongName("The Lanterns", "Cold Bay"), SECONDS)
    fake.song("The Lanterns Cold Bay", _video("The Lanterns - Cold Bay", **BOT))
    with PoliteClient("YouTube", frozenset({fake.address}), Limits(interval_s=0), random.Random(0)) as client:
        youtube = YouTube(client, ask.target.parent / "scratch", fake.address)
        states = [fetch_song(youtube, w, ask.target, 5, 3).status for w in (refused, refused, WANTED) * 2]
    assert states == ["BLOCKED", "BLOCKED", "OK"] * 2


def test_long_retry_after_stops_and_says_when_to_go_on(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video())
    fake.refusals[PLAYER] = [reply("", 429, Retry_After="7200")]
    with pytest.raises(ProviderStoppedError) as caught:
        ask()
    hours = (caught.value.until - datetime.now(UTC)).total_seconds() / 3600
    assert 1.9 < hours < 2.1


def test_state_holds_what_json_can(fake: FakeYouTube, ask: Asker) -> None:
    fake.song(QUERY, _video())
    assert json.loads(json.dumps(vars(ask())))["matched"] == "The Lanterns - Harbour Light"
