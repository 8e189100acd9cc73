"""Copies by what is new alone: the same as comparing all songs with each other."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import SMALL_CONFIG, hear_tasks

from simsong_pipeline.audio.feature_store import AudioFrames
from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.audio.same_recordings import Pair, Sketches, near_pairs, same_recordings
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.library.frames import library_recordings
from simsong_pipeline.sources.library.scan import scan_library
from simsong_pipeline.stages.copies_stage import without_copies

_RATE = 16_000


def _sketches(rng: np.random.Generator, count: int, width: int) -> Sketches:
    """Songs in families of about one spectrum, some of them 3 dB apart to a hair; lengths that touch the tolerance."""
    base = rng.normal(0, 300, (count // 4 + 1, width))
    direction = rng.normal(size=(count, width))
    direction /= np.sqrt(np.square(direction).mean(axis=1, keepdims=True))
    apart = rng.choice([0.0, 1.5, 2.999, 3.001, 6.0], (count, 1))
    spectra = (base[np.arange(count) // 4] + apart * direction).astype(np.float32)
    lengths = 100 + rng.integers(0, 12, count) * 0.5
    return Sketches([f"T{n:04d}" for n in rng.permutation(count)], lengths, spectra)


def _all_pairs(sketches: Sketches) -> set[Pair]:
    found = set()
    for a in range(len(sketches.songs)):
        for b in range(a):
            apart = sketches.spectra[a].astype(np.float64) - sketches.spectra[b]
            if np.square(apart).mean() <= 9.0 and abs(sketches.lengths[a] - sketches.lengths[b]) <= 2.0:
                found.add((min(sketches.songs[a], sketches.songs[b]), max(sketches.songs[a], sketches.songs[b])))
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_pairs_with_a_new_song_are_those_that_comparing_everything_finds(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    sketches = _sketches(rng, 700, 16)
    fresh = rng.random(700) < share
    new = {song for song, is_new in zip(sketches.songs, fresh, strict=True) if is_new}
    found = [(min(pair), max(pair)) for pair in near_pairs(sketches, fresh)]
    assert len(found) == len(set(found))
    everything = _all_pairs(sketches)
    assert len(everything) > 100
    assert set(found) == {pair for pair in everything if new.intersection(pair)}


def test_a_song_that_left_is_compared_with_no_other() -> None:
    asked = []

    def error_of(kept: str, copy: str) -> float:
        asked.append((kept, copy))
        return {("b", "a"): 0.1, ("b", "d"): 0.3}[kept, copy]

    found = same_recordings([("a", "b"), ("a", "c"), ("d", "b")], ["b", "d", "a", "c"], error_of)
    assert [(s.kept, s.copy, s.bit_error) for s in found] == [("b", "a", 0.1)]
    assert asked == [("b", "d"), ("b", "a")]


def _write(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(4_000) / _RATE
    notes = [np.sin(2 * np.pi * f * t) * np.exp(-4 * t) for f in rng.choice([220, 262, 294, 330, 392, 440, 523], 24)]
    soundfile.write(path, 0.3 * np.concatenate(notes) + 0.01 * rng.normal(size=96_000), _RATE)


def _night(home: Path, music: Path) -> AudioFrames:
    """Everything up to the copies, by the stages that a night has."""
    workspace, config = Workspace(home), SMALL_CONFIG
    before = workspace.read_if_there("library_files")
    files = workspace.write("library_files", scan_library(music, before, lambda *_: None).frame)
    rows = library_recordings(files).rows()
    tasks = [AudioTask(track_id, path, size, modified, None) for track_id, path, size, modified in rows]
    audio = hear_tasks(workspace.features_folder, tasks, config)
    return without_copies(workspace, audio, workspace.features(config), config.audio.max_seconds)


def _states(frames: AudioFrames, home: Path) -> list[object]:
    copies = Workspace(home).read("copies").sort("kept", "copy").rows()
    places = frames.segment_features.select("track_id", "audio_sha256", "front_end", "frames")
    return [frames.audio.rows(), places.rows(), frames.descriptions.rows(), copies]


def _arriving(music: Path, names: list[str]) -> None:
    for name in names:
        _write(music / name, int(name.split(".", maxsplit=1)[0]))


_NAMES = [f"{seed}.{suffix}" for seed in range(5) for suffix in ("flac", "ogg", "mp3")]


@pytest.mark.parametrize("seed", range(3))
def test_copies_found_night_by_night_are_those_of_one_run(seed: int, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    order = [str(name) for name in np.random.default_rng(seed).permutation(_NAMES)]
    for names in (order[:6], order[6:7], order[7:12], [], order[12:]):
        _arriving(music, names)
        frames = _night(tmp_path / "home", music)
    whole = _night(tmp_path / "other home", music)
    assert _states(frames, tmp_path / "home") == _states(whole, tmp_path / "other home")
    assert frames.segment_features.height == 5


def _as_earlier_version(home: Path) -> None:
    """Codes of all songs by their audio in `fingerprints`, and pairs without what was measured."""
    workspace = Workspace(home)
    heard = workspace.read("compared")
    arrays = workspace.features(SMALL_CONFIG).arrays(heard["track_id"].to_list(), ["codes"])
    prints = heard.join(arrays, on="track_id").select("audio_sha256", "front_end", "codes", "spectrum")
    workspace.write("copies", workspace.read("copies").drop("bit_error"))
    for path in (workspace.frame_path("compared")).iterdir():
        path.unlink()
    workspace.write("fingerprints", prints.unique(["audio_sha256", "front_end"]))


def test_a_home_of_an_earlier_version_goes_on_without_comparing_all_again(tmp_path: Path) -> None:
    music, home = tmp_path / "music", tmp_path / "home"
    music.mkdir()
    _arriving(music, _NAMES[:9])
    before = _night(home, music)
    states = _states(before, home)
    _as_earlier_version(home)
    workspace = Workspace(home)
    # A pair that an earlier version did not find stays unfound: old songs are not compared again.
    workspace.write("copies", workspace.read("copies").sort("kept", "copy")[:1])
    again = _night(home, music)
    assert again.decoded == 0
    assert workspace.read("copies").rows() == [states[3][0]]  # type: ignore[index]
    assert not workspace.frame_path("fingerprints").exists()
    assert set(workspace.read("compared")["track_id"]) == set(before.audio["track_id"])
    _arriving(music, _NAMES[9:12])
    assert _night(home, music).segment_features.height == again.segment_features.height + 1


def test_a_night_without_new_songs_reads_no_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    music, home = tmp_path / "music", tmp_path / "home"
    music.mkdir()
    _arriving(music, _NAMES[:6])
    states = _states(_night(home, music), home)
    read: list[str] = []
    original = pl.read_parquet

    def noted(source: object, *, columns: list[str] | None = None) -> pl.DataFrame:
        read.extend(columns or ())
        return original(source, columns=columns)  # type: ignore[arg-type]

    monkeypatch.setattr(pl, "read_parquet", noted)
    assert _states(_night(home, music), home) == states
    assert not {"codes", "spectrum", "timbre"}.intersection(read)
    assert "audio_sha256" in read
