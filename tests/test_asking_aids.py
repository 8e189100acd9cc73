"""What helps whoever asks: names of artists, languages, fields, and lists that are no evidence."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from simsong_pipeline.asking.finding import find_artist, find_group, find_language
from simsong_pipeline.asking.never_list import change_never
from simsong_pipeline.cli.main import app
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError, UnknownSongError, UnknownTagError
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.m3u import Entry, write_playlist
from simsong_pipeline.sources.playlists import read_playlists


@pytest.mark.parametrize("words", ["Björk", "bjork", " BJÖRK "])
def test_artist_is_found_however_it_is_spelt(words: str) -> None:
    assert find_group(["Björk", "Abba", None, "Björk"], words, "artist") == [0, 3]


def test_unknown_artist_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownSongError, match="no artist is called 'Bjark'; the nearest are 'Björk'"):
        find_group(["Björk", "Abba"], "Bjark", "artist")


def test_language_is_found_whatever_its_case() -> None:
    assert find_language(["de", "en"], " EN") == "en"


def test_unknown_language_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(UnknownTagError, match="'xx'; there are de, en"):
        find_language(["de", "en"], "xx")


@pytest.mark.parametrize(
    ("written", "meant"),
    [("[train]\nbatchsize = 3", "'train.batch_size'"), ("[stor]\nurl = 'x'", "'store'"), ("seeds = 1", "seed'")],
)
def test_misspelt_field_suggests_the_right_one(tmp_path: Path, written: str, meant: str) -> None:
    (tmp_path / "c.toml").write_text(written)
    with pytest.raises(RawDataError, match=f"there is no field .*{meant}"):
        read_config(tmp_path / "c.toml", PipelineConfig(), {})


def test_own_playlists_are_no_evidence(tmp_path: Path) -> None:
    song = tmp_path / "a.mp3"
    song.touch()
    write_playlist(tmp_path / "ours.m3u8", [Entry(song, "A", 3.0)])
    with pytest.raises(RawDataError, match="SimSong's own"):
        read_playlists(tmp_path, print)
    (tmp_path / "theirs.m3u8").write_text("#EXTM3U\na.mp3\n")
    assert [playlist.name for playlist in read_playlists(tmp_path, print)] == ["theirs"]


@pytest.mark.parametrize("command", ["tags", "languages"])
def test_a_home_without_tags_or_lyrics_says_so_in_place_of_an_empty_table(run_copy: Workspace, command: str) -> None:
    for frame in ("lastfm_tags", "lyrics"):
        run_copy.write(frame, run_copy.read(frame).clear())
    done = CliRunner().invoke(app, [command, "--home", str(run_copy.home)])
    assert done.exit_code == 0, done.output
    assert (done.stdout, done.stderr.startswith("no song has ")) == ("", True)
    assert CliRunner().invoke(app, [command, "--json", "--home", str(run_copy.home)]).output == ""


@pytest.mark.parametrize("name", ["nowhere/song.mp3", "Song.FLAC"])
def test_a_file_that_is_not_there_is_named_as_one(finished_run: tuple[Workspace, object], name: str) -> None:
    done = CliRunner().invoke(app, ["similar", name, "--home", str(finished_run[0].home)])
    assert isinstance(done.exception, UnknownSongError)
    assert str(done.exception).startswith(f"there is no file {name}, and no song is called")


def test_never_shows_its_list_as_objects(tmp_path: Path) -> None:
    change_never(Workspace(tmp_path), "TRA", "Someone - A \x1b[31mred song", artist=False, forget=False)
    change_never(Workspace(tmp_path), "ar", "Somebody", artist=True, forget=False)
    done = CliRunner().invoke(app, ["never", "--json", "--home", str(tmp_path)])
    assert [json.loads(line)["what"] for line in done.stdout.splitlines()] == ["song", "artist"]
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [["--version"], ["-h"], ["similar", "-h"], ["fetch", "-h"]])
def test_what_a_person_tries_first_answers(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    assert done.stdout.strip()


@pytest.mark.parametrize("words", ["Unknown artist", "Various Artists", "unknown"])
def test_nobody_is_not_an_artist_to_ask_by(words: str) -> None:
    tracks = pl.DataFrame({"artist_name": ["Unknown artist", "Various Artists"], "title": ["a", "b"]})
    with pytest.raises(UnknownSongError, match="is no artist"):
        find_artist(tracks, words)
