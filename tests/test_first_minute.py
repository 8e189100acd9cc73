"""Music folders from the first minute: few songs, no tags, growing; the bodies hear, the start serves."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import QUIET, run_of

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.musicnn_front_end import even_starts, frame_count
from simsong_pipeline.audio.preparation import features_of
from simsong_pipeline.config import InferenceConfig, PipelineConfig
from simsong_pipeline.errors import ModelUnavailableError
from simsong_pipeline.evaluation.quality import UNMEASURED
from simsong_pipeline.home import hearing
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.run import run
from simsong_pipeline.sources.source import SourceConfig

BASE = PipelineConfig(inference=InferenceConfig(provider="cpu"))
CONFIG = BASE.model_copy(update={"evaluation": BASE.evaluation.model_copy(update={"relevance": "artist"})})


def _chord(seed: int, seconds: float) -> np.ndarray:
    """A decaying chord that is struck anew each half second, with a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * seconds)) / 16_000
    pitches = 110 * 2 ** (rng.integers(0, 36, 4) / 12)
    tones = sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches) * np.exp(-(time % 0.5) * 4)
    wave: np.ndarray = 0.1 * tones + 0.005 * rng.normal(size=time.size)
    return wave


def _folder(root: Path, songs: range) -> Path:
    root.mkdir(exist_ok=True)
    for seed in songs:
        soundfile.write(root / f"{seed:02d}.flac", _chord(seed, 7.0), 16_000)
    return root


def _told() -> tuple[Events, list[str]]:
    notes: list[str] = []
    return Events(stage=lambda _: None, progress=lambda *_: None, note=notes.append), notes


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory, musicnn_files: object) -> tuple[Workspace, Path, list[str]]:
    """A home of five songs without a tag, after its first run."""
    folder = tmp_path_factory.mktemp("five")
    workspace, music = Workspace(folder / "home"), _folder(folder / "music", range(5))
    told, notes = _told()
    summary = run(run_of(workspace, SourceConfig(library=music), CONFIG, events=told))
    assert (summary.embedded, summary.upserted) == (5, 5)
    return workspace, music, notes


def test_five_songs_without_tags_are_served_by_the_start(five: tuple[Workspace, Path, list[str]]) -> None:
    workspace, _, _ = five
    for variant in ("ns", "wns"):
        record = ModelFiles(workspace.model(variant)).training()
        assert record is not None
        assert (record.is_start, record.tried, record.fitted) == (True, False, 5)
    one, two = (workspace.read(f"{variant}/track_vectors") for variant in ("ns", "wns"))
    assert one.equals(two)


def test_it_says_what_it_could_not_measure_and_what_it_waits_for(five: tuple[Workspace, Path, list[str]]) -> None:
    workspace, _, notes = five
    assert any("training waits for" in note for note in notes)
    assert any(UNMEASURED in note for note in notes)
    assert UNMEASURED.capitalize() in workspace.report.read_text()


def test_they_can_be_asked_about(five: tuple[Workspace, Path, list[str]]) -> None:
    workspace, _, _ = five
    with workspace.store(CONFIG.store) as store:
        answer = Songs(workspace, store, CONFIG).similar(["03"], Choice(10))
    assert len(answer.neighbours) == 4


@pytest.mark.slow
def test_night_takes_a_sixth_song_in_and_a_run_fits_anew_when_there_are_ten(
    five: tuple[Workspace, Path, list[str]],
) -> None:
    workspace, music, _ = five
    source = SourceConfig(library=_folder(music, range(5, 6)))
    assert refresh(run_of(workspace, source, CONFIG)).embedded == 1
    before = ModelFiles(workspace.model("ns")).export().model_version
    _folder(music, range(6, 9))
    assert run(run_of(workspace, source, CONFIG)).embedded == 3
    assert ModelFiles(workspace.model("ns")).export().model_version == before
    _folder(music, range(9, 10))
    assert run(run_of(workspace, source, CONFIG)).embedded == 10
    record = ModelFiles(workspace.model("ns")).training()
    assert record is not None
    assert record.fitted == 10


@pytest.mark.parametrize("seconds", [2.0, 3.5, 10.0, 100.0])
def test_bodies_hear_a_few_patches_of_any_recording(seconds: float, musicnn_files: object) -> None:
    samples = _chord(1, seconds).astype(np.float32)
    rows = features_of(samples, open_listener(CONFIG, QUIET))
    assert rows.shape == (len(even_starts(frame_count(len(samples)), CONFIG.body.patches)), 2 * MUSICNN_LAYOUT.width)
    assert rows.shape[1] == feature_format(CONFIG).channels
    assert np.isfinite(rows).all()


def test_tags_are_the_mean_over_the_patches(musicnn_files: object) -> None:
    listener = open_listener(CONFIG, QUIET)
    rows = features_of(_chord(2, 20.0).astype(np.float32), listener)
    tags = listener.tags(rows)
    assert len(tags) == MUSICNN_LAYOUT.labels
    np.testing.assert_allclose(tags, rows[:, MUSICNN_LAYOUT.tags].astype(np.float32).mean(axis=0))


def test_without_the_bodies_a_new_home_trains_from_scratch_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_: Events) -> None:
        raise ModelUnavailableError("MusiCNN cannot be fetched")

    monkeypatch.setattr(hearing, "ensure_musicnn", unavailable)
    told, notes = _told()
    config = hearing.with_available_encoder(Workspace(tmp_path), CONFIG, told)
    assert config.encoder.kind == "convolution"
    assert notes == ["MusiCNN cannot be fetched; an encoder is trained from scratch in its place"]


def test_home_that_was_heard_by_the_bodies_is_not_heard_anew_without_them(
    five: tuple[Workspace, Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(_: Events) -> None:
        raise ModelUnavailableError("MusiCNN cannot be fetched")

    monkeypatch.setattr(hearing, "ensure_musicnn", unavailable)
    with pytest.raises(ModelUnavailableError):
        hearing.with_available_encoder(five[0], CONFIG, QUIET)
