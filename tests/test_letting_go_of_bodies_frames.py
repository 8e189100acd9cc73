"""A body that is trained: frames of songs that nothing draws from go, and what its start hears of them stays."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import soundfile
from conftest import QUIET, run_of
from numpy.typing import NDArray
from test_unfrozen import CONFIG, tune

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.config import PipelineConfig, SampleConfig
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.errors import AudioError
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.home.run import Run
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import changed_night, finished
from simsong_pipeline.runs import run as whole_run
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import evaluate_again, run
from simsong_pipeline.schemas import SIMILARITY, SPLITS, conform
from simsong_pipeline.sources.sample.generate import write_sample
from simsong_pipeline.stages.body_means import body_means
from simsong_pipeline.stages.hearing_work import hear_all, hearing_of
from simsong_pipeline.stages.letting_go import let_go

PARTS = {"t0": "test", "t1": "test", "t2": "test", "a": "train", "b": "train", "c": "validation", "several": None}
TEST = ["t0", "t1", "t2"]
GONE = ["several", *TEST]


@pytest.fixture
def heard(tmp_path: Path, musicnn_files: object) -> Run:
    """A home that has heard songs of all parts, of which test songs are known to be alike."""
    workspace = Workspace(tmp_path / "home")
    for seed, track_id in enumerate(PARTS):
        soundfile.write(tmp_path / f"{track_id}.wav", tune(seed), 16_000)
    tasks = [
        AudioTask(t, str(path), path.stat().st_size, path.stat().st_mtime_ns, None)
        for t in PARTS
        for path in [tmp_path / f"{t}.wav"]
    ]
    audio = hear_all(hearing_of(workspace, CONFIG), LocalEngine(2), tasks, None, QUIET.progress)
    workspace.write("audio", audio.audio)
    workspace.write("segment_features", audio.segment_features)
    parts = [(t, part) for t, part in PARTS.items() if part is not None]
    workspace.write("splits", conform(pl.DataFrame(parts, schema=["track_id", "split"], orient="row"), SPLITS))
    _relate(workspace, [("t0", "t1", 1.0, 1), ("t1", "t0", 1.0, 1)])
    return run_of(workspace, config=CONFIG)


def _relate(workspace: Workspace, pairs: list[tuple[str, str, float, int]]) -> None:
    schema = dict(SIMILARITY.columns)
    workspace.write(SIMILARITY.name, pl.DataFrame(pairs, schema=schema, orient="row"))


def _of_frames(home: Run, track_ids: list[str]) -> NDArray[np.float32]:
    """The slow reference: of each song's frames as they are kept."""
    features, mean_of = home.workspace.features(home.config).reader(_places(home)), body_features(home.config)
    return np.stack([mean_of(features[t]) for t in track_ids])


def _places(home: Run) -> pl.DataFrame:
    return home.workspace.read("segment_features")


def _kept(home: Run) -> list[str]:
    return sorted(home.workspace.features(home.config).places()["track_id"])


def _take_away(home: Run, track_id: str) -> Path:
    path = home.workspace.home.parent / f"{track_id}.wav"
    return path.rename(path.with_suffix(".away"))


def test_what_the_body_hears_of_songs_stays_when_their_frames_go(heard: Run) -> None:
    before = _of_frames(heard, list(PARTS))
    assert let_go(heard) == len(GONE)
    assert _kept(heard) == sorted(_places(heard).drop_nulls("file")["track_id"]) == ["a", "b", "c"]
    for track_id in PARTS:
        _take_away(heard, track_id)
    after = body_means(heard.workspace, list(PARTS), heard.config, remember=False)
    np.testing.assert_array_equal(after, before)


def test_what_was_lost_of_it_is_heard_again_and_kept(heard: Run) -> None:
    before = _of_frames(heard, TEST)
    let_go(heard)
    heard.workspace.frame_path("body_means").unlink()
    for _ in range(2):
        np.testing.assert_array_equal(body_means(heard.workspace, TEST, heard.config, remember=True), before)
        for track_id in TEST:
            if (heard.workspace.home.parent / f"{track_id}.wav").exists():
                _take_away(heard, track_id)
    assert sorted(heard.workspace.read("body_means")["track_id"]) == TEST


def test_a_song_without_frames_and_without_a_recording_is_named(heard: Run) -> None:
    let_go(heard)
    heard.workspace.frame_path("body_means").unlink()
    _take_away(heard, "t1")
    with pytest.raises(AudioError, match="t1 cannot be heard again"):
        body_means(heard.workspace, TEST, heard.config, remember=False)


def test_a_recording_that_is_another_one_now_is_not_taken_for_the_song(heard: Run) -> None:
    let_go(heard)
    heard.workspace.frame_path("body_means").unlink()
    soundfile.write(heard.workspace.home.parent / "t1.wav", tune(77), 16_000)
    with pytest.raises(AudioError, match="t1 is another recording now"):
        body_means(heard.workspace, TEST, heard.config, remember=False)


def test_where_nothing_is_judged_the_start_is_fitted_on_all_songs_and_all_keep_their_frames(heard: Run) -> None:
    _relate(heard.workspace, [])
    assert let_go(heard) == 0
    assert _kept(heard) == sorted(PARTS)


def test_without_the_bodies_files_frames_stay_and_the_run_says_so(
    heard: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    told = replace(heard, events=type(QUIET)(QUIET.stage, QUIET.progress, notes.append))
    with monkeypatch.context() as patch:
        patch.setenv("SIMSONG_MODELS", str(tmp_path / "nothing"))
        assert let_go(told) == 0
    assert _kept(heard) == sorted(PARTS)
    assert _places(heard)["file"].null_count() == 0
    assert any("stay until the next run" in note for note in notes)
    assert let_go(told) == len(GONE)


@pytest.mark.slow(minutes=3)
def test_a_home_of_a_body_that_is_trained_is_measured_as_one_that_keeps_all(
    tmp_path: Path, musicnn_files: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = SampleConfig(songs=30, artists=10, styles=3, neighbours=8, min_seconds=6, max_seconds=7)
    write_sample(tmp_path / "raw", sample)
    homes = [Workspace(tmp_path / name) for name in ("keeping", "home")]
    for home in homes:
        shutil.copytree(tmp_path / "raw", home.raw)
    keeping, home = homes
    for again in (False, True):  # the second time every model is made anew
        wishes = {"publish_anyway": True, "promote_anyway": again, "retrain": again}
        with monkeypatch.context() as patch:
            for module in (whole_run, changed_night, finished):
                patch.setattr(module, "let_go", lambda _: 0)
            run(run_of(keeping, config=_seeded(again), **wishes))
        run(run_of(home, config=_seeded(again), **wishes))
        assert home.read("metrics").equals(keeping.read("metrics"))
        starts = home.read("metrics").filter(pl.col("variant").str.starts_with("start"))
        assert starts.height > 0
        for name in ("ns/track_vectors", "wns/track_vectors"):
            assert home.read(name).equals(keeping.read(name))
        test = set(home.read("splits").filter(split="test")["track_id"])
        silent = home.read("segment_features").filter(pl.col("file").is_null())["track_id"]
        assert test
        assert test == set(silent)
    shutil.rmtree(home.raw / "audio")
    evaluate_again(home, _seeded(True), QUIET)  # hears nothing
    assert home.read("metrics").equals(keeping.read("metrics"))


def _seeded(again: bool) -> PipelineConfig:
    return CONFIG.model_copy(update={"train": CONFIG.train.model_copy(update={"seed": int(again)})})


@pytest.mark.slow
def test_a_song_that_came_in_a_night_needs_no_recording_to_be_measured(tmp_path: Path, musicnn_files: object) -> None:
    sample = SampleConfig(songs=30, artists=10, styles=3, neighbours=8, min_seconds=6, max_seconds=7)
    home = Workspace(tmp_path / "home")
    write_sample(home.raw, sample)
    aside, files = tmp_path / "aside", sorted((home.raw / "audio").rglob("*.*"))
    aside.mkdir()
    late = [file.rename(aside / file.name) for file in files[::3]]
    places = {path.name: path for path in files}
    run(run_of(home, config=CONFIG, publish_anyway=True))
    before = set(home.read("body_means")["track_id"])
    for path in late:
        path.rename(places[path.name])
    assert refresh(run_of(home, config=CONFIG, publish_anyway=True)).embedded > 0
    new = set(home.read("body_means")["track_id"]) - before
    assert new, "no song of the night is judged: choose others"
    assert new <= set(home.read("segment_features").filter(pl.col("file").is_null())["track_id"])
