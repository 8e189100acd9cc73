"""Homes that earlier versions left: they open, are asked and verified, and a night works on them and loses nothing.

`tests/data/homes/<version>.tar.xz` holds one of each format, of the twelve recordings that are made here anew;
`tests/data/homes/README.md` says how they were made.
"""

import csv
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from click.testing import Result
from documents import ROOT
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.workspace import Workspace

HOMES = sorted((Path(__file__).parent / "data" / "homes").glob("*.tar.xz"))
SONGS = 12


def write_music(folder: Path, songs: int = SONGS) -> Path:
    """A manifest over chords of whole periods a frame, so that features take next to no room when they are packed."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(16_000 * 5) / 16_000
    rows = []
    for n in range(songs):
        tones = [62.5 * (3 + n), 62.5 * (9 + 2 * n), 62.5 * (20 + 3 * (n // 2))]
        wave = sum(np.sin(2 * np.pi * f * time) * 0.2 / (k + 1) for k, f in enumerate(tones))
        soundfile.write(folder / f"{n:02d}.wav", wave, 16_000)
        rows.append((f"{n:02d}.wav", f"Artist {n // 2}", f"Song {n}", ("rock", "folk", "jazz", "punk")[n // 4]))
    manifest = folder / "songs.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "artist", "title", "genre"), *rows])
    return manifest


@pytest.fixture(params=HOMES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home as it was left, whose manifest lies where this test's music does."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    manifest = write_music(tmp_path / "music")
    (tmp_path / "home" / "source.json").write_text(json.dumps({"manifest": str(manifest)}))
    return tmp_path / "home"


def _simsong(*words: object) -> Result:
    """A command to its end; an error that is no line for a person fails the test with its traceback."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    error = done.exception
    if error is not None and not isinstance(error, SystemExit | SimSongError):
        raise error
    return done


def _said(done: Result) -> str:
    return str(done.exception) if isinstance(done.exception, SimSongError) else done.output


def _neighbours(home: Path) -> list[str]:
    done = _simsong("similar", "Artist 0 - Song 0", "-k", 5, "--json", "--home", home)
    assert done.exit_code == 0, _said(done)
    return [json.loads(line)["title"] for line in done.stdout.splitlines() if line.startswith("{")]


def test_there_is_a_home_of_each_format() -> None:
    named = {path.name.removesuffix(".tar.xz") for path in HOMES}
    listed = (ROOT / "docs" / "runbook.md").read_text()
    assert len(named) >= 5
    assert [name for name in named if f"| {name} |" not in listed] == []


@pytest.mark.slow
def test_home_opens_or_says_what_to_do_and_a_night_takes_a_new_song(home: Path) -> None:
    tracks = set(pl.read_parquet(home / "frames" / "tracks.parquet")["track_id"])
    assert len(tracks) == SONGS
    asked = _simsong("similar", "Artist 0 - Song 0", "--home", home)
    assert asked.exit_code == 0 or re.search("`simsong (run|refresh)`", _said(asked)), _said(asked)
    write_music(home.parent / "music", SONGS + 1)
    night = _simsong("refresh", "--publish-anyway", "--json", "--home", home)
    if night.exit_code:
        assert "simsong run" in _said(night), _said(night)
        whole = _simsong("run", "--publish-anyway", "--home", home)
        assert whole.exit_code == 0, _said(whole)
    assert len(_neighbours(home)) == 5
    present = set(Workspace(home).read("tracks")["track_id"])
    assert present > tracks
    assert len(present) == SONGS + 1
    with Workspace(home).store(Workspace(home).load_config().store) as store:
        assert store.count("simsong") == SONGS + 1
    checked = _simsong("verify", "--home", home)
    assert checked.exit_code == 0, _said(checked)
