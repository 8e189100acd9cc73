"""`simsong fetch audio` and the providers' assets: opt-in, it goes on where it was, and a person's files stay."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from conftest import QUIET, run_of
from fake_youtube import BOT, GONE, FakeYouTube, Video, sound, tone
from loopback import serve
from typer.testing import CliRunner

from dagster_project import provider_definitions
from dagster_project.resources import SimSong
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import PipelineConfig, YoutubeConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.audio_fetching import fetch_audio
from simsong_pipeline.providers.fetching import SHARES, Fetched, Portion, wanted_tracks
from simsong_pipeline.providers.raw_source import source_of_tracks
from simsong_pipeline.providers.web.polite_client import ProviderStoppedError
from simsong_pipeline.stages.raw import read_recordings

WHOLE = Portion()


@cache
def _tone(seconds: int) -> bytes:
    return tone(float(seconds))


@pytest.fixture
def home(sample_raw: Path, tmp_path: Path) -> Workspace:
    """A home with the sample's tracks and no recordings."""
    workspace = Workspace(tmp_path / "home")
    workspace.raw.mkdir(parents=True)
    (workspace.raw / "msd").symlink_to(sample_raw / "msd")
    (workspace.raw / "lastfm").symlink_to(sample_raw / "lastfm")
    return workspace


@pytest.fixture
def fake(home: Workspace) -> Iterator[FakeYouTube]:
    """Every third song is not there, and the first video of every fifth is gone."""
    script = FakeYouTube()
    for number, track in enumerate(wanted_tracks(home, source_of_tracks(home, None), PipelineConfig())):
        name, seconds = track.name, round(track.duration_s or 20)
        media = [sound(_tone(seconds))]
        videos = [Video(f"{name.artist} - {name.title} (Live)", "x", seconds, media)]
        if number % 3:
            videos.append(
                Video(name.title, f"{name.artist} - Topic", seconds, media, **(GONE if not number % 5 else {}))
            )
            videos.append(Video(f"{name.artist} - {name.title}", "y", seconds, media))
        script.song(f"{name.artist} {name.title}", *videos)
    with serve(script) as server:
        yield server


def _config(fake: FakeYouTube) -> PipelineConfig:
    return PipelineConfig(youtube=YoutubeConfig(site=fake.address, interval_s=0.0))


def _fetch(home: Workspace, fake: FakeYouTube, portion: Portion = WHOLE) -> Fetched:
    return fetch_audio(home, source_of_tracks(home, None), _config(fake), QUIET, portion, accepted=True)


def _states(home: Workspace) -> dict[str, str]:
    """State files, and of the recordings their bytes."""
    folder = home.raw / "audio" / "youtube"
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {p.name: p.read_text() if p.suffix == ".json" else p.read_bytes().hex() for p in files}


def _asked_for(home: Workspace) -> int:
    """State files; names alone, because what a running process writes comes and goes."""
    return sum(not p.name.startswith(".") for p in (home.raw / "audio" / "youtube").rglob("*.json"))


def test_nothing_is_asked_before_the_terms_are_accepted(home: Workspace, fake: FakeYouTube) -> None:
    with pytest.raises(RawDataError, match="terms of service"):
        fetch_audio(home, source_of_tracks(home, None), _config(fake), QUIET, Portion())
    assert not fake.asked


def test_terms_can_be_accepted_by_the_environment(
    home: Workspace, fake: FakeYouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_YOUTUBE_TERMS", "accepted")
    assert fetch_audio(home, source_of_tracks(home, None), _config(fake), QUIET, Portion(limit=1)).asked == 1


def test_fetched_recordings_are_the_catalogue_s_audio(home: Workspace, fake: FakeYouTube) -> None:
    found = _fetch(home, fake)
    good = found.table.filter(status="OK")
    assert found.left == 0
    assert set(found.table["status"]) == {"OK", "NOT_FOUND"}
    assert set(read_recordings(run_of(home))["track_id"]) == set(good["track_id"])
    assert good["channel"].str.ends_with(" - Topic").any()
    assert good.filter(channel="y")["reason"].str.contains("removed").all()


def test_second_fetch_asks_nothing(home: Workspace, fake: FakeYouTube) -> None:
    _fetch(home, fake, Portion(limit=3))
    before = _states(home)
    asked = sum(fake.asked.values())
    assert _fetch(home, fake, Portion(limit=3)).asked == 3
    assert before.items() <= _states(home).items()
    _fetch(home, fake, Portion(dry_run=True))
    assert sum(fake.asked.values()) > asked


def test_asking_again_asks_for_what_was_not_found(home: Workspace, fake: FakeYouTube) -> None:
    first = _fetch(home, fake)
    missing = first.table.filter(status="NOT_FOUND").height
    assert missing > 0
    assert _fetch(home, fake, Portion(again=True)).asked == missing


def test_lost_recording_is_fetched_again(home: Workspace, fake: FakeYouTube) -> None:
    found = _fetch(home, fake, Portion(limit=4))
    track_id = found.table.filter(status="OK")["track_id"][0]
    path = home.raw / "audio" / "youtube" / track_id[2] / f"{track_id}.flac"
    whole = path.read_bytes()
    path.unlink()
    _fetch(home, fake)
    assert path.read_bytes() == whole


def test_recording_of_one_s_own_is_left_alone(home: Workspace, fake: FakeYouTube) -> None:
    track_id = wanted_tracks(home, source_of_tracks(home, None), PipelineConfig())[1].track_id
    own = home.raw / "audio" / track_id[2] / f"{track_id}.flac"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    found = _fetch(home, fake, Portion(limit=2))
    assert own.read_bytes() == b"mine"
    assert found.table.filter(track_id=track_id)["status"].to_list() == [None]


def test_bot_checks_stop_and_keep_what_was_fetched(home: Workspace, fake: FakeYouTube) -> None:
    _fetch(home, fake, Portion(limit=3))
    before = _states(home)
    for video in fake.videos.values():
        video.status, video.reason = BOT["status"], BOT["reason"]
    with pytest.raises(ProviderStoppedError, match="run the same command again after"):
        _fetch(home, fake)
    assert before.items() <= _states(home).items()


def _toml(home: Workspace, fake: FakeYouTube) -> Path:
    path = home.home / "youtube.toml"
    path.write_text(f'[youtube]\nsite = "{fake.address}"\ninterval_s = 0.0\n')
    return path


def test_command_shows_what_was_found_and_why_not(home: Workspace, fake: FakeYouTube) -> None:
    arguments = ["fetch", "audio", "--home", str(home.home), "--config", str(_toml(home, fake)), "--limit", "4"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, RawDataError)
    result = CliRunner().invoke(app, [*arguments, "--accept-terms"])
    assert result.exit_code == 0
    assert "NOT_FOUND" in result.stdout
    assert "the least sure matches" in result.stdout
    assert " - Topic" in result.stdout
    assert "4 songs asked for" in result.stdout


def test_bucket_s_asset_asks_for_its_own_tracks_alone(
    home: Workspace, fake: FakeYouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_YOUTUBE_TERMS", "accepted")
    ids = [t.track_id for t in wanted_tracks(home, source_of_tracks(home, None), PipelineConfig())]
    bucket = SHARES.of(ids[1])
    simsong = SimSong(home=str(home.home), config_file=str(_toml(home, fake)))
    assets = [a for a in provider_definitions.defs.assets or [] if isinstance(a, dg.AssetsDefinition)]
    result = dg.materialize(
        assets, partition_key=f"bucket-{bucket:02d}", resources={"simsong": simsong}, selection="youtube_recordings"
    )
    metadata = result.asset_materializations_for_node("youtube_recordings")[0].metadata
    assert metadata["asked"].value == sum(SHARES.of(i) == bucket for i in ids)
    known = {Path(name).stem for name in _states(home)}
    assert known == {i for i in ids if SHARES.of(i) == bucket}


@pytest.mark.slow
def test_killed_at_random_moments_the_final_state_is_that_of_an_undisturbed_run(
    home: Workspace, fake: FakeYouTube
) -> None:
    _fetch(home, fake)
    whole = _states(home)
    for path in (home.raw / "audio" / "youtube").rglob("*.*"):
        path.unlink()
    for video in fake.videos.values():
        inner = video.media[0]
        # So slow that twenty kills hit a run that is under way.
        video.media = [lambda handler, inner=inner: (time.sleep(0.1), inner(handler))]  # type: ignore[list-item, misc]
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", "fetch", "audio", "--accept-terms"]
    command += ["--home", str(home.home), "--config", str(_toml(home, fake))]
    rng = np.random.default_rng(0)
    killed = 0
    for _ in range(20):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
        count = _asked_for(home)
        limit = time.monotonic() + 60
        while process.poll() is None and _asked_for(home) == count and time.monotonic() < limit:
            time.sleep(0.02)
        time.sleep(float(rng.uniform(0, 0.3)))
        killed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert killed >= 12
    subprocess.run(command, check=True, capture_output=True)
    assert _states(home) == whole
    assert {json.loads(v)["status"] for n, v in whole.items() if n.endswith(".json")} == {"OK", "NOT_FOUND"}
