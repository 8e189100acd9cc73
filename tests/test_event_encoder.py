"""The encoder of events: it begins as the start, hears no gaps, learns what single events cannot tell, and exports."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from planted_events import songs_of_orders
from scipy.sparse import csr_array

from export.onnx_export import export_encoder
from export.parity import check_parity, fixed_events
from simsong_pipeline.audio.event_layout import CHANNELS, DURATION
from simsong_pipeline.audio.event_statistics import span_statistics, start_weights, within_song_scales
from simsong_pipeline.config import (
    EncoderConfig,
    EventAugmentConfig,
    EventConfig,
    InferenceConfig,
    PipelineConfig,
    TrainConfig,
)
from simsong_pipeline.home.hearing import body_features
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.batches import TrainingSongs
from simsong_pipeline.learning.encoder.start import fit_own_scale
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.encoders import build_encoder, trainee_of, training_of
from simsong_pipeline.stages.training_stage import recipe_of
from simsong_pipeline.stages.validation import embed_songs

BODIES = ("convolution", "transformer")
SPAN = 32


def config_of(body: str, **events: object) -> PipelineConfig:
    return PipelineConfig(
        encoder=EncoderConfig(kind="events", embedding_dim=16, dropout=0.0),
        events=EventConfig.model_validate({"body": body, "span": SPAN, "width": 32, "layers": 2, **events}),
        train=TrainConfig(batch_size=24, warmup_steps=5, precision="fp32", device="cpu"),
    )


def start_of(songs: list[NDArray[np.float16]], config: PipelineConfig) -> Whitening:
    rows = np.stack([body_features(config)(song) for song in songs]).astype(np.float64)
    return fit_own_scale(rows, within_song_scales(rows.mean(axis=0)), start_weights(), config.encoder.embedding_dim, 0)


def spans_of(songs: list[NDArray[np.float16]]) -> NDArray[np.float32]:
    return np.stack([song[:SPAN] for song in songs]).astype(np.float32)


def learned(encoder: torch.nn.Module) -> torch.nn.Module:
    """The encoder with a residual that is not zero any more."""
    torch.manual_seed(0)
    torch.nn.init.normal_(encoder.residual.weight, std=0.3)  # type: ignore[arg-type,union-attr]
    return encoder.eval()


@pytest.fixture(scope="module")
def planted() -> tuple[list[NDArray[np.float16]], NDArray[np.int64]]:
    return songs_of_orders(72, 48)


@pytest.mark.parametrize("body", BODIES)
def test_untrained_it_is_the_start(planted: tuple[list[NDArray[np.float16]], NDArray[np.int64]], body: str) -> None:
    config, (songs, _) = config_of(body), planted
    start, spans = start_of(songs, config), spans_of(songs)
    with torch.inference_mode():
        found = build_encoder(config, start).eval()(torch.from_numpy(spans)).numpy()
    np.testing.assert_allclose(found, start.apply(span_statistics(spans).astype(np.float32)), atol=2e-4)


@pytest.mark.parametrize("body", BODIES)
def test_rows_of_no_duration_change_nothing(
    planted: tuple[list[NDArray[np.float16]], NDArray[np.int64]], body: str
) -> None:
    config, (songs, _) = config_of(body), planted
    encoder, spans = learned(build_encoder(config, start_of(songs, config))), spans_of(songs)
    rubbish = np.random.default_rng(0).normal(0, 99, (len(spans), 9, CHANNELS)).astype(np.float32)
    rubbish[:, :, DURATION] = 0
    with torch.inference_mode():
        plain = encoder(torch.from_numpy(spans))
        longer = encoder(torch.from_numpy(np.concatenate([spans, rubbish], axis=1)))
        other = encoder(torch.from_numpy(spans[:, ::-1].copy()))
    torch.testing.assert_close(longer, plain, rtol=0, atol=1e-5)
    assert float((other - plain).abs().max()) > 1e-2  # while the order of the events changes much


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_onnx_gives_what_torch_gives(
    planted: tuple[list[NDArray[np.float16]], NDArray[np.int64]], body: str, tmp_path: Path
) -> None:
    config, (songs, _) = config_of(body), planted
    encoder, path = learned(build_encoder(config, start_of(songs, config))), tmp_path / "encoder.onnx"
    export_encoder(encoder, SPAN, CHANNELS, {}, path)
    parity = check_parity(
        encoder, OnnxEncoder(path, InferenceConfig(provider="cpu")), fixed_events(SPAN), spans_of(songs)
    )
    assert parity.holds
    assert parity.min_cosine > 0.99999


def _precision(vectors: NDArray[np.float32], groups: NDArray[np.int64]) -> float:
    """Share of the five nearest that are of the same group."""
    scores = vectors @ vectors.T - 2 * np.eye(len(vectors))
    nearest = np.argsort(-scores, axis=1)[:, :5]
    return float((groups[nearest] == groups[:, None]).mean())


@pytest.mark.slow
@pytest.mark.parametrize("body", BODIES)
def test_training_hears_the_order_that_statistics_do_not(body: str) -> None:
    config = config_of(body, steps=120, augment=EventAugmentConfig(shortest=0.8))
    config = config.model_copy(update={"train": config.train.model_copy(update={"learning_rate": 1e-2})})
    (songs, groups), (others, asked) = songs_of_orders(120, 48), songs_of_orders(60, 48, seed=1)
    same = (groups[:, None] == groups[None]) & ~np.eye(len(groups), dtype=bool)
    neighbours = csr_array(same.astype(np.float64))
    neighbours.sort_indices()
    known = TrainingSongs(songs, np.arange(len(songs)), neighbours, np.zeros((len(songs), 4), np.float32))
    start = start_of(songs, config)
    trained = train(known, trainee_of(config, start), "ns", training_of(config, start), None, lambda *_: None)
    encoder = build_encoder(config, start).eval()
    features, ids = {str(n): song for n, song in enumerate(others)}, [str(n) for n in range(len(others))]
    before = _precision(embed_songs(encoder, features, ids, config), asked)
    encoder.load_state_dict(trained.weights)
    after = _precision(embed_songs(encoder, features, ids, config), asked)
    assert before < 0.4  # one in four is chance
    assert after > 0.7


def test_what_events_are_heard_by_is_part_of_their_recipe_and_of_no_other() -> None:
    events = config_of("convolution")
    heard = [
        events,
        config_of("transformer"),
        config_of("convolution", span=SPAN + 1),
        config_of("convolution", augment=EventAugmentConfig(tempo=0.3)),
    ]
    assert len({recipe_of("ns", config) for config in heard}) == len(heard)
    for kind in ("musicnn", "convolution", "patches"):
        own = EncoderConfig(kind=kind)  # type: ignore[arg-type]
        recipes = {
            recipe_of("ns", config.model_copy(update={"encoder": own, "train": TrainConfig()})) for config in heard
        }
        assert recipes == {recipe_of("ns", PipelineConfig(encoder=own))}


@pytest.mark.parametrize(("kind", "recipe"), [("musicnn", "a6aa3dc41b357adb"), ("convolution", "f78954264f35e68e")])
def test_homes_of_other_kinds_are_not_trained_anew(kind: str, recipe: str) -> None:
    # Whoever changes these has every home of that kind trained anew, and says so.
    assert recipe_of("wns", PipelineConfig(encoder=EncoderConfig(kind=kind))) == recipe  # type: ignore[arg-type]
