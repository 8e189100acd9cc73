"""`simsong fetch lyrics` against a Genius of our own: it goes on where it was, whatever stopped it."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import QUIET, run_of
from fake_genius import FakeGenius, hits
from loopback import CAPTCHA, reply, serve
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.config import GeniusConfig, PipelineConfig
from simsong_pipeline.credentials import CredentialError
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.fetching import Fetched, Portion
from simsong_pipeline.providers.lyric_fetching import fetch_lyrics
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.providers.selection_stage import selection_path
from simsong_pipeline.providers.web.polite_client import ProviderStoppedError
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.raw import read_lyric_pages, read_tracks

WHOLE = Portion()
TOKEN = "secret-token-of-a-person"


@pytest.fixture
def home(sample_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A home with the sample's tracks and no lyrics."""
    workspace = Workspace(tmp_path / "home")
    workspace.raw.mkdir(parents=True)
    (workspace.raw / "msd").symlink_to(sample_raw / "msd")
    (workspace.raw / "lastfm").symlink_to(sample_raw / "lastfm")
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", TOKEN)
    return workspace


@pytest.fixture
def fake(home: Workspace) -> Iterator[FakeGenius]:
    """Every third song is not there, every fifth instrumental."""
    script = FakeGenius()
    rows = read_tracks(run_of(home)).select("artist_name", "title").rows()
    for number, (artist, title) in enumerate(rows):
        script.song(artist, title)
        if number % 3 == 0:
            script.searches[f"{artist} {title}"] = [hits()]
        elif number % 5 == 0:
            path = f"/{artist}-{title}-lyrics".replace(" ", "-")
            script.pages[path] = [reply("<p>This song is an instrumental</p>")]
    with serve(script) as server:
        yield server


def _config(fake: FakeGenius, **changes: float) -> PipelineConfig:
    genius = GeniusConfig.model_validate({"api": fake.address, "site": fake.address, "interval_s": 0} | changes)
    return PipelineConfig(genius=genius)


def _fetch(home: Workspace, fake: FakeGenius, portion: Portion = WHOLE) -> Fetched:
    return fetch_lyrics(home, source_of_tracks(home, None), _config(fake), QUIET, portion)


def _files(home: Workspace) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted((home.raw / "lyrics").rglob("*.json"))}


def test_fetched_lyrics_are_raw_lyrics_pages(home: Workspace, fake: FakeGenius) -> None:
    found = _fetch(home, fake)
    pages = read_lyric_pages(run_of(home))
    assert found.left == 0
    assert set(pages["status"]) == {"OK", "NOT_FOUND", "INSTRUMENTAL"}
    assert pages.filter(status="OK")["text"].str.contains("is sung").all()


def test_second_fetch_asks_nothing(home: Workspace, fake: FakeGenius) -> None:
    _fetch(home, fake)
    before = sum(fake.asked.values())
    assert _fetch(home, fake).asked == 0
    assert sum(fake.asked.values()) == before


def test_limit_and_dry_run(home: Workspace, fake: FakeGenius) -> None:
    assert _fetch(home, fake, Portion(dry_run=True)).asked == 0
    assert not fake.asked
    first = _fetch(home, fake, Portion(limit=5))
    assert (first.asked, first.left) == (5, first.table.height - 5)


def test_only_selected_songs_are_asked_for(home: Workspace, fake: FakeGenius) -> None:
    ids = sorted(read_tracks(run_of(home))["track_id"].to_list())[5:12]
    selection_path(home).write_text("\n".join(ids))
    assert set(_fetch(home, fake).table["track_id"]) <= set(ids)


def test_failed_song_is_asked_for_again(home: Workspace, fake: FakeGenius) -> None:
    name = next(key for key, script in fake.searches.items() if key)
    whole = fake.searches[name]
    fake.searches[name] = [reply("", 503)]
    config = _config(fake, retries=0)
    first = fetch_lyrics(home, source_of_tracks(home, None), config, QUIET, Portion())
    assert first.table.filter(status="TRANSIENT").height == 1
    fake.searches[name] = whole
    assert fetch_lyrics(home, source_of_tracks(home, None), config, QUIET, Portion()).left == 0


def test_stopped_provider_keeps_what_was_fetched(home: Workspace, fake: FakeGenius) -> None:
    _fetch(home, fake, Portion(limit=4))
    before = _files(home)
    for path in fake.pages:
        fake.pages[path] = [reply(CAPTCHA)]
    with pytest.raises(ProviderStoppedError, match="left alone"):
        _fetch(home, fake)
    assert before.items() <= _files(home).items()


def test_damaged_state_is_fetched_again(home: Workspace, fake: FakeGenius) -> None:
    _fetch(home, fake)
    whole = _files(home)
    damaged = next((home.raw / "lyrics").rglob("*.json"))
    damaged.write_text('{"track_id": "TR')
    assert _fetch(home, fake).asked == 1
    assert _files(home) == whole


def test_missing_token_says_where_to_get_one(
    home: Workspace, fake: FakeGenius, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GENIUS_ACCESS_TOKEN")
    with pytest.raises(RawDataError, match="GENIUS_ACCESS_TOKEN is not set"):
        _fetch(home, fake)


@pytest.mark.parametrize("token", ["töken", "tok\x07en"])
def test_token_of_impossible_characters_is_refused_without_being_shown(
    home: Workspace, fake: FakeGenius, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", token)
    with pytest.raises(CredentialError) as caught:
        _fetch(home, fake)
    assert token not in str(caught.value)


def test_token_from_a_file_loses_its_line_break(
    home: Workspace, fake: FakeGenius, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENIUS_ACCESS_TOKEN", f"{TOKEN}\n")
    _fetch(home, fake, Portion(limit=3))
    assert set(fake.tokens) == {f"Bearer {TOKEN}"}
    assert not any(TOKEN in text for text in _files(home).values())


def test_lyrics_that_lie_elsewhere_are_not_asked_for(home: Workspace, fake: FakeGenius) -> None:
    track_id = sorted(read_tracks(run_of(home))["track_id"].to_list())[0]
    (home.raw / "lyrics").mkdir()
    record = {"track_id": track_id, "provider": "mine", "status": "OK", "text": "words of my own hand"}
    (home.raw / "lyrics" / f"{track_id}.json").write_text(json.dumps(record))
    found = _fetch(home, fake)
    assert found.asked == found.table.height - 1


def _toml(home: Workspace, fake: FakeGenius) -> Path:
    path = home.home / "genius.toml"
    path.write_text(f'[genius]\napi = "{fake.address}"\nsite = "{fake.address}"\ninterval_s = 0.0\n')
    return path


def test_command_shows_what_was_found_and_why_not(home: Workspace, fake: FakeGenius) -> None:
    arguments = ["fetch", "lyrics", "--home", str(home.home), "--config", str(_toml(home, fake))]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "NOT_FOUND" in result.stdout
    assert "0 left" in result.stdout
    assert TOKEN not in result.output
    again = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(again.stdout)["asked"] == 0


@pytest.mark.slow
def test_killed_at_random_moments_the_final_state_is_that_of_an_undisturbed_run(
    home: Workspace, fake: FakeGenius
) -> None:
    _fetch(home, fake)
    whole = _files(home)
    for path in (home.raw / "lyrics").rglob("*.json"):
        path.unlink()
    for script in (*fake.searches.values(), *fake.pages.values()):
        inner = script[0]
        # So slow that twenty kills hit a run that is under way.
        script[0] = lambda handler, inner=inner: (time.sleep(0.15), inner(handler))  # type: ignore[misc]
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "fetch", "lyrics"]
    command += ["--home", str(home.home), "--config", str(_toml(home, fake))]
    rng = np.random.default_rng(0)
    killed = 0
    for _ in range(20):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        count = len(_files(home))
        limit = time.monotonic() + 30
        while process.poll() is None and len(_files(home)) == count and time.monotonic() < limit:
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 0.4)))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert killed >= 15
    subprocess.run(command, check=True, capture_output=True)
    assert _files(home) == whole
    assert not [p for p in (home.raw / "lyrics").rglob("*") if p.is_file() and p.suffix != ".json"]


@pytest.fixture
def elsewhere(sample_raw: Path, tmp_path: Path) -> Path:
    """Raw data that do not lie in a home, with recordings."""
    folder = tmp_path / "raw data"
    folder.mkdir()
    for name in ("msd", "lastfm", "audio"):
        (folder / name).symlink_to(sample_raw / name)
    return folder


def _said(home: Workspace, fake: FakeGenius, *words: str) -> str:
    result = CliRunner().invoke(app, ["fetch", "lyrics", *words, "--config", str(_toml(home, fake))])
    assert result.exit_code == 0, result.output
    return result.output


def test_lyrics_are_fetched_for_what_the_last_run_read(
    home: Workspace, fake: FakeGenius, elsewhere: Path, tmp_path: Path
) -> None:
    other = Workspace(tmp_path / "another home")
    other.save_source(SourceConfig(raw=elsewhere))
    said = _said(home, fake, "--home", str(other.home), "--limit", "2")
    assert "2 songs asked for" in said
    assert not other.raw.exists()
    assert f"next: simsong run --home '{other.home}'\n" in said


def test_command_that_goes_on_names_the_raw_data_that_a_run_would_not_read(
    home: Workspace, fake: FakeGenius, elsewhere: Path, tmp_path: Path
) -> None:
    said = _said(home, fake, "--home", str(tmp_path / "new"), "--raw", str(elsewhere), "--limit", "1")
    (following,) = [line.removeprefix("next: ") for line in said.splitlines() if line.startswith("next: ")]
    assert shlex.split(following) == ["simsong", "run", "--home", str(tmp_path / "new"), "--raw", str(elsewhere)]


def test_no_run_is_proposed_while_there_are_neither_recordings_nor_features(
    home: Workspace, fake: FakeGenius, sample_raw: Path
) -> None:
    (home.raw / "msd").unlink()
    (home.raw / "msd").symlink_to(sample_raw / "msd/AdditionalFiles")
    assert "next:" not in _said(home, fake, "--home", str(home.home), "--limit", "1")


@pytest.mark.parametrize("kind", ["library", "manifest"])
@pytest.mark.parametrize("words", [["fetch", "lyrics"], ["fetch", "audio", "--accept-terms"], ["select"]])
def test_a_home_of_a_music_folder_or_a_list_says_what_is_wanted(words: list[str], kind: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    workspace.save_source(SourceConfig.model_validate({kind: tmp_path / "mine"}))
    result = CliRunner().invoke(app, [*words, "--home", str(workspace.home)])
    assert isinstance(result.exception, RawDataError)
    assert str(tmp_path / "mine") in str(result.exception)
    assert "--raw" in str(result.exception)
