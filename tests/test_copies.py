"""Copies of a recording are counted apart: they are no files that could not be read."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app

_CONFIG = """
[encoder]
kind = "convolution"
stem_channels = 4
widths = [16, 24]
depths = [1, 1]
embedding_dim = 16
[train]
steps = 4
head_steps = 4
batch_size = 4
warmup_steps = 1
validate_every = 2
"""


def _write(path: Path, seed: int) -> Path:
    """Six seconds of plucked notes, other ones for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    t = np.arange(4_000) / 16_000
    notes = [np.sin(2 * np.pi * f * t) * np.exp(-4 * t) for f in rng.choice([220, 262, 294, 330, 392, 440, 523], 24)]
    soundfile.write(path, 0.3 * np.concatenate(notes) + 0.01 * rng.normal(size=96_000), 16_000)
    return path


def _folder(root: Path) -> Path:
    """Eight songs by four artists; a file lies there twice, and a song in another encoding as well."""
    files = [_write(root / f"Artist {n // 2} - Song {n}.flac", n) for n in range(8)]
    (root / "backup").mkdir()
    shutil.copy(files[0], root / "backup" / "the same file.flac")
    _write(root / "Artist 1 - Song 2 again.ogg", 2)
    return root


def _library(tmp_path: Path, *more: str) -> Result:
    (tmp_path / "small.toml").write_text(_CONFIG)
    words = ["library", str(tmp_path / "music"), "--home", str(tmp_path / "home"), "--publish-anyway"]
    return CliRunner().invoke(app, [*words, "--config", str(tmp_path / "small.toml"), *more])


@pytest.mark.slow
@pytest.mark.parametrize("bad", [b"no music at all " * 100, b""], ids=["damaged", "empty"])
def test_copies_have_a_count_of_their_own_and_unreadable_files_a_status(tmp_path: Path, bad: bytes) -> None:
    _folder(tmp_path / "music")
    good = _library(tmp_path, "--json")
    assert good.exit_code == 0, good.output
    record = json.loads(good.stdout.splitlines()[-1])
    assert {name: record[name] for name in ("tracks", "copies", "excluded")} == {
        "tracks": 10,
        "copies": 2,
        "excluded": 0,
    }
    assert "could not be read" not in good.output
    (tmp_path / "music" / "broken.mp3").write_bytes(bad)
    done = _library(tmp_path)
    assert done.exit_code == 3, done.output
    assert "11 tracks, 2 copies, 1 excluded" in done.stdout
    assert "1 raw files could not be read; the first:" in done.stderr
    assert "broken.mp3" in done.stderr.splitlines()[-1]
