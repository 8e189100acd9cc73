"""Homes that earlier versions left: they open, are asked and verified, and a night works on them, without a traceback or a loss.

`tests/data/homes/<version>.tar.gz` holds one of each format, of the twelve recordings that are made here anew; what is derived
alone (`report/`) is left out. `tests/data/homes/README.md` says how they were made.
"""

import csv
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile

from simsong_pipeline.home.workspace import Workspace

HOMES = sorted((Path(__file__).parent / "data" / "homes").glob("*.tar.gz"))
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


@pytest.fixture(params=HOMES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A home as it was left, whose manifest lies where this test's music does."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path / "home", filter="data")
    manifest = write_music(tmp_path / "music")
    (tmp_path / "home" / "source.json").write_text(json.dumps({"manifest": str(manifest)}))
    return tmp_path / "home"


def _simsong(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "simsong_pipeline.cli.main", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, (words, done.stderr)
    return done


def _answers(home: Path) -> list[dict[str, object]]:
    done = _simsong("similar", "Song 0", "-k", 5, "--json", "--home", home)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
