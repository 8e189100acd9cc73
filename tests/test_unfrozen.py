"""A MusiCNN that is trained itself: it begins as the start, learns at a rate of its own, and serves like any other."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import QUIET, run_of
from numpy.typing import NDArray
from pydantic import ValidationError
from scipy.sparse import csr_array

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.audio import musicnn_front_end
from simsong_pipeline.audio.feature_format import feature_format
from simsong_pipeline.audio.preparation import features_of
from simsong_pipeline.audio.segments import song_inputs
from simsong_pipeline.config import BodyConfig, EncoderConfig, InferenceConfig, PipelineConfig, TrainConfig
from simsong_pipeline.home.hearing import body_features, open_listener
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_start
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.runs.run import run
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.encoders import build_encoder, trainee_of

CONFIG = PipelineConfig(
    encoder=EncoderConfig(freeze=False, embedding_dim=8, dropout=0.0),
    body=BodyConfig(models=("musicnn-msd",), patches=2),
    train=TrainConfig(head_steps=2, steps=2, batch_size=2, warmup_steps=1, precision="fp32", device="cpu"),
    inference=InferenceConfig(provider="cpu"),
)
FROZEN = CONFIG.model_copy(update={"encoder": CONFIG.encoder.model_copy(update={"freeze": True})})


def tune(seed: int) -> NDArray[np.float32]:
    """Seven seconds of chords that change each half second, with a little noise."""
    rng = np.random.default_rng(seed)
    pitches = np.repeat(110 * 2 ** (rng.integers(0, 36, (3, 14)) / 12), 8_000, axis=1)
    wave: NDArray[np.float64] = np.sin(2 * np.pi * np.cumsum(pitches, axis=1) / 16_000).sum(axis=0)
    return (0.1 * wave + 0.005 * rng.normal(size=wave.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def heard(musicnn_files: object) -> list[NDArray[np.float16]]:
    listener = open_listener(CONFIG, QUIET)
    return [features_of(tune(seed), listener) for seed in range(8)]


@pytest.fixture(scope="module")
def start(heard: list[NDArray[np.float16]]) -> Whitening:
    features = body_features(CONFIG)
    return fit_start(np.stack([features(rows) for rows in heard]), 8, 0)


def test_frames_are_the_front_ends_in_decibels(heard: list[NDArray[np.float16]]) -> None:
    expected = 10 * musicnn_front_end.log_mel(tune(0))
    np.testing.assert_allclose(heard[0], expected, atol=0.05)
    assert heard[0].shape[1] == feature_format(CONFIG).channels


def test_the_start_is_fitted_on_what_the_frozen_body_gives(heard: list[NDArray[np.float16]]) -> None:
    frozen = open_listener(FROZEN, QUIET)
    # The frozen body hears other places of a song; of one patch's length there is one place alone.
    samples = tune(3)[: 186 * musicnn_front_end.HOP + 1]
    frames = features_of(samples, open_listener(CONFIG, QUIET))
    expected = features_of(samples, frozen).astype(np.float32).mean(axis=0)
    np.testing.assert_allclose(body_features(CONFIG)(frames), expected, atol=0.02)


def test_untrained_it_is_the_start(heard: list[NDArray[np.float16]], start: Whitening) -> None:
    encoder = build_encoder(CONFIG, start).eval()
    patches = song_inputs(heard[1], CONFIG)
    with torch.inference_mode():
        found = encoder(torch.from_numpy(patches)).numpy()
    features = body_features(CONFIG)
    for patch, vector in zip(patches, found, strict=True):
        expected = start.apply(features(patch.astype(np.float16))[None])[0]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=2e-3)


def test_training_moves_the_body_a_little_and_the_head_more(heard: list[NDArray[np.float16]], start: Whitening) -> None:
    songs = TrainingSongs(heard, np.arange(8), csr_array((8, 8), dtype=np.float64), np.zeros((8, 4), np.float32))
    before = build_encoder(CONFIG, start).state_dict()
    after = train(songs, trainee_of(CONFIG, start), "ns", CONFIG.train, None, lambda *_: None).weights
    moved = {name: float((after[name] - before[name]).abs().max()) for name in before}
    body = max(value for name, value in moved.items() if name.startswith("bodies"))
    # AdamW's first steps are about as long as the learning rate, whatever the gradient.
    assert 0 < body < 5 * CONFIG.train.body_rate * CONFIG.train.learning_rate * CONFIG.train.steps
    assert moved["head.residual.weight"] > 10 * body


@pytest.mark.parametrize("changed", [BodyConfig(models=("musicnn-mtt",), patches=2), BodyConfig(patches=3)])
def test_other_bodies_or_patches_make_other_vectors_and_so_other_features(changed: BodyConfig) -> None:
    assert feature_format(CONFIG.model_copy(update={"body": changed})) != feature_format(CONFIG)


def test_clap_stays_frozen() -> None:
    with pytest.raises(ValidationError, match="CLAP model stays frozen"):
        EncoderConfig(kind="clap", freeze=False)


@pytest.mark.slow
def test_a_folder_is_indexed_and_asked_by_its_onnx_file(tmp_path: Path, musicnn_files: object) -> None:
    (tmp_path / "music").mkdir()
    for seed in range(4):
        soundfile.write(tmp_path / "music" / f"{seed:02d}.flac", tune(seed), 16_000)
    workspace = Workspace(tmp_path / "home")
    config = CONFIG.model_copy(update={"evaluation": CONFIG.evaluation.model_copy(update={"relevance": "artist"})})
    summary = run(run_of(workspace, SourceConfig(library=tmp_path / "music"), config))
    assert summary.embedded == 4
    record = ModelFiles(workspace.model("wns")).training()
    assert record is not None
    assert record.is_start
    with workspace.store(config.store) as store:
        answer = Songs(workspace, store, config).similar(["02"], Choice(10))
    assert len(answer.neighbours) == 3
