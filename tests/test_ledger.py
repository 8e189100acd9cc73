"""A night in which nothing changed writes nothing; whatever a song depends on makes it a night of work."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import SMALL_CONFIG, run_of

from simsong_pipeline.config import SegmentConfig
from simsong_pipeline.errors import SimSongError, UnprovenError
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import ledger
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.sources.library.source import LibrarySource
from simsong_pipeline.sources.manifest_source import ManifestSource
from simsong_pipeline.sources.source import SourceConfig


def _night(workspace: Workspace) -> RunSummary:
    return refresh(run_of(workspace, publish_anyway=True))


def _states(home: Path) -> dict[str, int]:
    files = (p for p in home.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {str(p): p.stat().st_mtime_ns for p in files}


def _is_unchanged(run: Run) -> bool:
    with run.workspace.lock():
        return ledger.unchanged(run, ledger.listed(run)) is not None


@pytest.fixture
def settled(run_copy: Workspace) -> Workspace:
    """The finished run where its copy lies: paths, and with them the state of everything, are others there."""
    _night(run_copy)
    assert _is_unchanged(run_of(run_copy, publish_anyway=True))
    return run_copy


def test_a_night_of_nothing_new_writes_nothing_and_says_what_is_there(settled: Workspace) -> None:
    before = _states(settled.home)
    summary = _night(settled)
    assert (summary.embedded, summary.upserted, summary.unchanged) == (0, 0, 44)
    assert _states(settled.home) == before


def test_a_night_of_work_and_one_of_nothing_say_the_same_of_the_catalogue(settled: Workspace) -> None:
    nothing = _night(settled)
    (settled.home / "ledger.json").unlink()
    work = _night(settled)
    for name in ("tracks", "excluded", "copies", "embedded", "unchanged", "upserted", "unreadable"):
        assert getattr(work, name) == getattr(nothing, name), name


def _first(folder: Path, pattern: str) -> Path:
    return min(p for p in folder.rglob(pattern) if p.is_file())


def _touch(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def _lose_a_song(workspace: Workspace) -> None:
    with workspace.store(SMALL_CONFIG.store) as store:
        name = store.aliases()["simsong"]
        store.delete(name, [min(store.hashes(name))])


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "a recording has another date": lambda w: _touch(_first(w.raw / "audio", "*.ogg")),
    "a recording is gone": lambda w: _first(w.raw / "audio", "*.ogg").unlink(),
    "lyrics have another date": lambda w: _touch(_first(w.raw / "lyrics", "*.json")),
    "a file of similar songs is gone": lambda w: _first(w.raw / "lastfm", "*").unlink(),
    "a file came": lambda w: (w.raw / "msd" / "msd_duplicates_of_mine.txt").write_text("x"),
    "a frame was deleted": lambda w: w.frame_path("tracks").unlink(),
    "a bucket of a frame was deleted": lambda w: _first(w.frame_path("lyrics"), "*.parquet").unlink(),
    "what was heard was deleted": lambda w: _first(w.home / "features", "*.f16").unlink(),
    "a model's record was written": lambda w: _touch(w.model("ns") / "export.json"),
    "the ledger is no JSON": lambda w: (w.home / "ledger.json").write_text("{"),
    "the ledger is of another form": lambda w: (w.home / "ledger.json").write_text(json.dumps({"inputs": "x"})),
    "the list of files is gone": lambda w: w.frame_path("listing").unlink(),
    "a song left the index": _lose_a_song,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_changed_is_looked_at(settled: Workspace, change: Callable[[Workspace], object]) -> None:
    change(settled)
    assert not _is_unchanged(run_of(settled, publish_anyway=True))


def test_another_configuration_is_a_change(settled: Workspace) -> None:
    other = SMALL_CONFIG.model_copy(update={"segments": SegmentConfig(seconds=3)})
    assert not _is_unchanged(run_of(settled, config=other, publish_anyway=True))


def test_a_song_that_left_the_index_comes_back_in_the_next_night(settled: Workspace) -> None:
    _lose_a_song(settled)
    assert _night(settled).upserted == 1
    with settled.store(SMALL_CONFIG.store) as store:
        assert store.count("simsong") == 44


def test_a_question_to_the_index_is_no_change(settled: Workspace) -> None:
    for path in (settled.home / "qdrant").rglob("*"):
        if path.is_file():
            _touch(path)
    assert _is_unchanged(run_of(settled, publish_anyway=True))


def test_songs_that_should_not_be_served_are_named_in_a_night_of_nothing_too(settled: Workspace) -> None:
    files = ModelFiles(settled.model("wns"))
    known = files.quality()
    assert known is not None
    files.write_quality(replace(known, passed=False))
    _night(settled)
    assert _is_unchanged(run_of(settled, publish_anyway=True))
    with pytest.raises(UnprovenError, match="--publish-anyway"):
        refresh(run_of(settled))


def test_what_could_not_be_read_is_tried_again(settled: Workspace) -> None:
    audio = settled.read("audio")
    reason = pl.when(pl.col("track_id") == audio["track_id"][0]).then(pl.lit("cannot be read: a drive"))
    settled.write("audio", audio.with_columns(reason.otherwise("reason").alias("reason")))
    run = run_of(settled, publish_anyway=True)
    with settled.lock():
        ledger.settle(run, ledger.listed(run), {}, {}, _night_of(settled))
    assert not (settled.home / "ledger.json").exists()


def _night_of(workspace: Workspace) -> RunSummary:
    tracks = workspace.read("msd_tracks").height
    return RunSummary(tracks, 0, 0, 0, 0, 0, 0.0, [])


def test_a_killed_night_leaves_no_ledger_that_vouches_for_it(
    settled: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of the killed night are newer than the ledger of the one before."""
    _touch(_first(settled.raw / "audio", "*.ogg"))
    from simsong_pipeline.runs import changed_night

    def killed(*_: object) -> object:
        raise SimSongError("killed")

    monkeypatch.setattr(changed_night, "index", killed)
    with pytest.raises(SimSongError, match="killed"):
        _night(settled)
    assert not _is_unchanged(run_of(settled, publish_anyway=True))


def _song(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 16_000), 16_000)


def test_lyrics_beside_a_recording_are_part_of_a_music_folders_listing(tmp_path: Path) -> None:
    _song(tmp_path / "music/a.wav")
    source = LibrarySource(SourceConfig(), tmp_path / "music", Workspace(tmp_path / "home"))
    before = source.listing(None)
    (tmp_path / "music/a.lrc").write_text("[00:01.00]la")
    assert not source.listing(before).equals(before)


def test_a_scan_after_a_listing_is_of_the_same_moment(tmp_path: Path) -> None:
    """What comes in between is left to the next night, whose listing differs."""
    _song(tmp_path / "music/a.wav")
    source = LibrarySource(SourceConfig(), tmp_path / "music", Workspace(tmp_path / "home"))
    source.listing(None)
    _song(tmp_path / "music/b.wav", 1)
    assert source.files(lambda *_: None, lambda _: None).height == 1
    assert source.files(lambda *_: None, lambda _: None).height == 2


@pytest.fixture
def manifest(tmp_path: Path) -> ManifestSource:
    """Two recordings, one with a lyrics file of its own."""
    for number, name in enumerate(("a.wav", "b.wav")):
        _song(tmp_path / "music" / name, number)
    (tmp_path / "words.txt").write_text("la")
    path = tmp_path / "songs.csv"
    path.write_text("path,artist,lyrics_path\nmusic/a.wav,A,words.txt\nmusic/b.wav,B,\n")
    return ManifestSource(SourceConfig(manifest=path), path, Workspace(tmp_path / "home"))


@pytest.mark.parametrize("name", ["songs.csv", "words.txt", "music/a.wav", "music/b.wav"])
def test_whatever_a_manifest_names_is_part_of_its_listing(manifest: ManifestSource, tmp_path: Path, name: str) -> None:
    before = manifest.listing(None)
    assert manifest.listing(before).equals(before)
    _touch(tmp_path / name)
    assert not manifest.listing(before).equals(before)


def test_a_recording_that_was_missing_is_found_under_another_spelling_later(
    manifest: ManifestSource, tmp_path: Path
) -> None:
    shutil.move(tmp_path / "music/b.wav", tmp_path / "aside.wav")
    before = ManifestSource(manifest.config, tmp_path / "songs.csv", Workspace(tmp_path / "home")).listing(None)
    shutil.move(tmp_path / "aside.wav", tmp_path / "music/B.WAV")
    again = ManifestSource(manifest.config, tmp_path / "songs.csv", Workspace(tmp_path / "home"))
    assert not again.listing(before).equals(before)
