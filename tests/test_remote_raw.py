"""Raw data at addresses are the raw data on a disk, and a recording lies on the disk only while it is decoded."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import SMALL_CONFIG, hear_tasks
from typer.testing import CliRunner

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.cli.main import app
from simsong_pipeline.errors import UNREAD, RawDataError
from simsong_pipeline.home.run import open_source
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.remote.objects_read import MISSING, UNKNOWN, on_disk, states_of
from simsong_pipeline.sources.source import SourceConfig, source_at
from simsong_pipeline.stages.catalogue_stages import audio_tasks

SONGS = {"a": "wav", "b": "flac", "sub/c": "ogg", "déjà vu": "wav"}


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Four recordings in a folder, and a manifest with one more that is not there."""
    folder = tmp_path / "music"
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, suffix in SONGS.items():
        soundfile.write(folder / f"{name}.{suffix}", 0.1 * rng.normal(size=5 * 16_000), 16_000)
    rows = [f"{name}.{suffix},Artist {name},words of {name}" for name, suffix in SONGS.items()]
    (folder / "songs.csv").write_text("\n".join(["path,artist,lyrics", *rows, "none.wav,Nobody,", ""]))
    return folder


PLACES = ["memory", "file", pytest.param("s3", marks=pytest.mark.slow)]


def _place(request: pytest.FixtureRequest, folder: Path) -> str:
    return str(request.getfixturevalue("s3")) if request.param == "s3" else f"{request.param}://{folder}"


@pytest.fixture(params=PLACES)
def bucket(request: pytest.FixtureRequest, music: Path) -> Iterator[str]:
    """The same at an address."""
    url = f"{_place(request, music.parent)}/bucket"
    files, path = fsspec.url_to_fs(url)
    for file in (path_ for path_ in music.rglob("*") if path_.is_file()):
        name = f"{path}/{file.relative_to(music)}"
        files.makedirs(name.rpartition("/")[0], exist_ok=True)
        files.put_file(str(file), name)
    yield url
    files.rm(path, recursive=True)


def _tasks(home: Path, config: SourceConfig) -> list[AudioTask]:
    source = open_source(Workspace(home), config)
    return audio_tasks(source.tracks(lambda *_: None), source.recordings(lambda *_: None))


def _heard(home: Path, tasks: list[AudioTask]) -> tuple[pl.DataFrame, int]:
    heard = hear_tasks(home / "features", tasks, SMALL_CONFIG)
    return heard.audio.sort("track_id"), heard.decoded


def test_recordings_at_addresses_have_the_hashes_of_files(bucket: str, music: Path, tmp_path: Path) -> None:
    here, _ = _heard(tmp_path / "one", _tasks(tmp_path / "one", source_at(manifest=music / "songs.csv")))
    tasks = _tasks(tmp_path / "two", source_at(manifest=f"{bucket}/songs.csv"))
    there, decoded = _heard(tmp_path / "two", tasks)
    same = ["track_id", "audio_sha256", "duration_s", "sample_rate", "status"]
    assert there.select(same).equals(here.select(same))
    assert there["status"].to_list().count("ok") == decoded == len(SONGS)
    assert sorted(p for p in there["path"] if p.endswith("c.ogg")) == [f"{bucket}/sub/c.ogg"]
    again, decoded = _heard(tmp_path / "two", _tasks(tmp_path / "two", source_at(manifest=f"{bucket}/songs.csv")))
    assert decoded == 0
    assert again.equals(there)


def test_a_manifest_on_a_disk_may_name_objects(bucket: str, music: Path, tmp_path: Path) -> None:
    listed = tmp_path / "mine.csv"
    listed.write_text(f"path\n{bucket}/a.wav\n{music}/b.flac\n{bucket}/none.wav\n")
    rows, _ = _heard(tmp_path, _tasks(tmp_path, source_at(manifest=listed)))
    assert sorted(rows["status"]) == ["missing", "ok", "ok"]


def test_an_object_that_changed_is_decoded_again_and_no_other(bucket: str, tmp_path: Path) -> None:
    config = source_at(manifest=f"{bucket}/songs.csv")
    before, _ = _heard(tmp_path, _tasks(tmp_path, config))
    files, path = fsspec.url_to_fs(bucket)
    other = tmp_path / "other.wav"
    soundfile.write(other, 0.1 * np.random.default_rng(9).normal(size=5 * 16_000), 16_000)
    files.put_file(str(other), f"{path}/a.wav")
    after, decoded = _heard(tmp_path, _tasks(tmp_path, config))
    assert decoded == 1
    assert (after["audio_sha256"] != before["audio_sha256"]).sum() == 1


# Not S3's, of whose methods each instance has its own.
@pytest.mark.parametrize("bucket", ["memory", "file"], indirect=True)
def test_an_object_that_cannot_be_fetched_is_a_row_and_tried_again(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, files = source_at(manifest=f"{bucket}/songs.csv"), fsspec.url_to_fs(bucket)[0]
    whole = type(files).get_file

    def refused(self: object, path: str, *more: object, **named: object) -> object:
        if path.endswith("b.flac"):
            raise PermissionError(13, "Permission denied")
        return whole(self, path, *more, **named)

    monkeypatch.setattr(type(files), "get_file", refused)
    rows, _ = _heard(tmp_path, _tasks(tmp_path, config))
    (reason,) = rows.filter(status="invalid")["reason"]
    assert reason.startswith(f"{UNREAD} (")
    assert "Permission denied" in reason
    monkeypatch.setattr(type(files), "get_file", whole)
    rows, decoded = _heard(tmp_path, _tasks(tmp_path, config))
    assert decoded == 1
    assert rows.filter(status="invalid").height == 0


def test_a_damaged_object_is_told_by_its_address(bucket: str, tmp_path: Path) -> None:
    files, path = fsspec.url_to_fs(bucket)
    files.pipe_file(f"{path}/b.flac", b"fLaC" + bytes(1_000))
    rows, _ = _heard(tmp_path, _tasks(tmp_path, source_at(manifest=f"{bucket}/songs.csv")))
    (reason,) = rows.filter(status="invalid")["reason"]
    assert tempfile.gettempdir() + "/simsong-" not in reason


def test_a_recording_is_on_the_disk_only_while_it_is_wanted(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    with on_disk(f"{bucket}/a.wav") as path:
        assert [path] == list((tmp_path / "tmp").iterdir())
        assert soundfile.info(path).duration == 5.0
    _heard(tmp_path, _tasks(tmp_path, source_at(manifest=f"{bucket}/songs.csv")))
    assert not list((tmp_path / "tmp").iterdir())


def test_states_come_from_listings_and_what_is_unknown_is_not_missing(bucket: str, music: Path) -> None:
    names = [f"{name}.{suffix}" for name, suffix in SONGS.items() if "/" not in name]
    for wanted in ([*names, "none.wav", "songs.csv"], ["none.wav"], names[:1]):  # listed, and asked for one by one
        states = states_of([f"{bucket}/{name}" for name in wanted])
        for name in wanted:
            size, changed = states[f"{bucket}/{name}"]
            assert size == ((music / name).stat().st_size if (music / name).exists() else MISSING[0])
            assert changed > 0 or (size, changed) == MISSING
    assert states_of([f"{bucket}/nowhere/{n}.wav" for n in range(5)]) == {
        f"{bucket}/nowhere/{n}.wav": MISSING for n in range(5)
    }
    assert UNKNOWN != MISSING


def test_the_listing_is_the_same_until_something_changes(bucket: str, tmp_path: Path) -> None:
    config, home = source_at(manifest=f"{bucket}/songs.csv"), Workspace(tmp_path)
    first = open_source(home, config).listing(None)
    assert open_source(home, config).listing(first).equals(first)
    files, path = fsspec.url_to_fs(bucket)
    files.pipe_file(f"{path}/a.wav", b"new")
    assert not open_source(home, config).listing(first).equals(first)


def test_the_address_is_remembered_for_the_next_night(bucket: str, tmp_path: Path) -> None:
    config, home = source_at(manifest=f"{bucket}/songs.csv"), Workspace(tmp_path)
    home.save_source(config)
    assert home.load_source() == config


def test_lyrics_may_be_objects_too(bucket: str, tmp_path: Path) -> None:
    files, path = fsspec.url_to_fs(bucket)
    files.pipe_file(f"{path}/words.txt", b"words in an object")
    files.pipe_file(f"{path}/with.csv", b"path,lyrics_path\na.wav,words.txt\nb.flac,none.txt\n")
    pages = open_source(Workspace(tmp_path), source_at(manifest=f"{bucket}/with.csv")).lyric_pages(lambda *_: None)
    by_state = dict(pages.select("status", "text").rows())
    assert by_state.pop("OK") == "words in an object"
    (reason,) = by_state
    assert "unreadable" in reason.lower() or UNREAD in reason


@pytest.mark.parametrize("text", ["path\nftp://me:hunter22@host/a.wav\n{bucket}/a.wav\n"])
def test_a_row_with_a_password_is_left_out_and_not_repeated(bucket: str, tmp_path: Path, text: str) -> None:
    listed = tmp_path / "mine.csv"
    listed.write_text(text.format(bucket=bucket))
    source = open_source(Workspace(tmp_path), source_at(manifest=listed))
    assert source.recordings(lambda *_: None).height == 1
    said = source.tracks(lambda *_: None).write_json()
    assert "password" in said
    assert "hunter22" not in said


def test_a_manifest_that_is_not_there_or_has_a_password_is_refused(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(RawDataError, match=r"no such manifest: .*none\.csv"):
        _tasks(tmp_path, source_at(manifest=f"{bucket}/none.csv"))
    with pytest.raises(RawDataError, match="by the environment") as raised:
        _tasks(tmp_path, source_at(manifest="ftp://me:hunter22@host/songs.csv"))
    assert "hunter22" not in str(raised.value)


@pytest.fixture(params=PLACES)
def raw_bucket(request: pytest.FixtureRequest, sample_raw: Path, tmp_path: Path) -> Iterator[str]:
    """The sample catalogue at an address."""
    url = f"{_place(request, tmp_path)}/rawbucket"
    files, path = fsspec.url_to_fs(url)
    files.makedirs(path, exist_ok=True)
    files.put(f"{sample_raw}/", f"{path}/", recursive=True)
    yield url
    files.rm(path, recursive=True)


def test_a_raw_folder_at_an_address_is_the_folder(
    raw_bucket: str, sample_raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "cache"))
    quiet = lambda *_: None  # noqa: E731
    here = open_source(Workspace(tmp_path), source_at(raw=sample_raw))
    there = open_source(Workspace(tmp_path), source_at(raw=raw_bucket))
    paths = ["path", "file", "modified_ns"]
    tracks = here.tracks(quiet)
    assert there.tracks(quiet).drop(paths, strict=False).equals(tracks.drop(paths, strict=False))
    assert there.lyric_pages(quiet).equals(here.lyric_pages(quiet))
    found, known = (s.recordings(quiet).sort("track_id").drop(paths, strict=False) for s in (there, here))
    assert found.equals(known)
    similar = [s.listening(tracks, "lastfm", quiet).similarity for s in (here, there)]
    assert similar[0].equals(similar[1])
    mirrored = [p for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert not [p for p in mirrored if "audio" in p.parts]
    times = {p: p.stat().st_mtime_ns for p in mirrored if p.suffix != ".json"}
    files, path = fsspec.url_to_fs(raw_bucket)
    (page, *_) = sorted(files.find(f"{path}/lyrics"))
    files.rm_file(page)
    fewer = open_source(Workspace(tmp_path), source_at(raw=raw_bucket))
    assert fewer.lyric_pages(quiet).height == here.lyric_pages(quiet).height - 1
    assert {p: p.stat().st_mtime_ns for p in times if p.exists()}.items() <= times.items()


def test_an_address_without_raw_data_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RawDataError, match="no raw data at memory://"):
        open_source(Workspace(tmp_path), source_at(raw="memory://nothing/here")).tracks(lambda *_: None)


def test_songs_are_chosen_from_an_address_and_nothing_is_fetched_into_one(
    raw_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMSONG_CACHE", str(tmp_path / "cache"))
    home = ["--home", str(tmp_path / "home"), "--raw", raw_bucket]
    chosen = CliRunner().invoke(app, ["select", "--size", "5", "--json", *home])
    assert json.loads(chosen.stdout)["chosen"]["songs"] == 5
    refused = CliRunner().invoke(app, ["fetch", "lyrics", *home])
    assert "nothing is fetched into raw data at an address" in str(refused.exception)
