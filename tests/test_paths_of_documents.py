"""The README's three paths and the docs of music folders, data sets and nights, command after command, as they stand.

Over a small sample in the places that the documents name, with a small network in place of MusiCNN.
"""

import shutil
from pathlib import Path

import polars as pl
import pytest
from conftest import SMALL_TOML
from documents import ROOT, commands_of
from typer.testing import CliRunner

from simsong_pipeline.cli.main import app

pytestmark = pytest.mark.slow
# What needs something that is not there, and which tests start it.
ELSEWHERE = {
    ("serve",): "test_serve_command.py",
    ("fetch", "audio"): "test_fetch_audio.py",
    ("fetch", "lyrics"): "test_genius.py",
    ("rollback",): "test_rollback.py",  # goes back to a model that the documents' home never had
}
TRAINS = {"run", "library"}


@pytest.fixture
def somewhere(sample_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with the music of a person, a catalogue, a data set and a home that was never run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(sample_raw, tmp_path / "data")
    shutil.copytree(sample_raw, tmp_path / "my-home" / "raw")
    (tmp_path / "small.toml").write_text(SMALL_TOML)
    files = sorted(p for p in (sample_raw / "audio").rglob("*") if p.is_file() and p.stat().st_size > 2_000)
    assert len(files) > 40
    rows = []
    for number, file in enumerate(files):
        artist, title = f"Artist {number % 12}", "Song A" if number == 0 else f"Song {number}"
        target = tmp_path / "Music" / artist / f"{artist} - {title}{file.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        rows.append((str(target), artist, title, "folk"))
    pl.DataFrame(rows, schema=["path", "artist", "title", "genre"], orient="row").write_csv(tmp_path / "songs.csv")
    (tmp_path / "Playlists").mkdir()
    chosen = "\n".join(path for path, *_ in rows[:12])
    (tmp_path / "Playlists" / "mine.m3u8").write_text(f"#EXTM3U\n{chosen}\n")
    return tmp_path


@pytest.mark.parametrize("document", ["README.md", "docs/your-music.md", "docs/data-set.md", "docs/nights.md"])
def test_each_command_of_a_path_comes_to_its_end(document: str, somewhere: Path) -> None:
    started = 0
    for words in commands_of(ROOT / document):
        if words[0] != "simsong" or _elsewhere(words):
            continue
        more = ["--config", "small.toml", "--publish-anyway"] if words[1] in TRAINS else []
        more += ["--publish-anyway"] if words[1] == "refresh" else []
        places = {"/data/msd": str(somewhere / "data"), "2000": "20", "0.01": "1"}
        asked = [places.get(word, str(Path(word).expanduser())) if word[0] in "/~02" else word for word in words[1:]]
        done = CliRunner().invoke(app, [*asked, *more])
        assert done.exit_code in ({0, 1} if words[1] == "doctor" else {0, 4} if words[1] == "evaluate" else {0}), (
            words,
            done.output,
            done.exception,
        )
        started += 1
    assert started >= 2


def _elsewhere(words: list[str]) -> bool:
    """Whether the command is started by another test, which is there."""
    for begin, test in ELSEWHERE.items():
        if tuple(words[1 : 1 + len(begin)]) == begin:
            assert (ROOT / "tests" / test).is_file()
            return True
    return False
