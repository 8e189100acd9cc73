"""Training: it learns planted structure, resumes to the bit, and gathers negatives over processes."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from simsong_pipeline.config import AugmentConfig, EncoderConfig, LossConfig, TrainConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.learning.batches import SegmentViews, TrainingSongs
from simsong_pipeline.learning.encoder.audio_encoder import AudioEncoder
from simsong_pipeline.learning.training.loop import TrainedEncoder, Trainee, train

ENCODER = EncoderConfig(kind="convolution", stem_channels=2, widths=(8,), depths=(1,), embedding_dim=8)
CONFIG = TrainConfig(steps=8, batch_size=6, warmup_steps=2, validate_every=2, augment=AugmentConfig())


def _songs(n: int = 12, seed: int = 0) -> TrainingSongs:
    """Songs whose spectra have a slope that is their own, with lyrics in two groups."""
    rng = np.random.default_rng(seed)
    slopes = np.linspace(-1, 1, n)
    features = [
        (slope * 20 * np.linspace(-1, 1, 16) + rng.normal(size=(60, 16)) - 40).astype(np.float16) for slope in slopes
    ]
    lyrics = np.zeros((n, 4), np.float32)
    lyrics[np.arange(n), np.arange(n) % 3] = 1
    neighbours = csr_array((n, n), dtype=np.float64)
    return TrainingSongs(features, np.arange(n), neighbours, lyrics)


def _trainee(encoder: EncoderConfig = ENCODER) -> Trainee:
    """Segments of 20 frames of 16 bands."""
    return Trainee(
        lambda: AudioEncoder(encoder, 16, 20),
        lambda features, device: SegmentViews(features, 20, device),
        encoder.embedding_dim,
        encoder.model_dump(),
    )


def _train(variant: str = "ns", config: TrainConfig = CONFIG, checkpoint=None, stop_after: int | None = None):
    def progress(step: int, *_: object) -> None:
        if step == stop_after:
            raise KeyboardInterrupt

    recalls = iter(np.linspace(0.1, 0.9, 100))
    return train(_songs(), _trainee(), variant, config, lambda _: next(recalls), progress, checkpoint)


def _same(first: TrainedEncoder, second: TrainedEncoder) -> bool:
    return all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)


def test_same_seed_gives_the_same_weights() -> None:
    assert _same(_train(), _train())


def test_other_seed_gives_other_weights() -> None:
    assert not _same(_train(), _train(config=CONFIG.model_copy(update={"seed": 1})))


EVERYTHING = CONFIG.model_copy(
    update={
        "queue": 10,
        "loss": LossConfig(graph_share=0.5, fused_share=0.5, alignment=0.2, learn_temperature=True),
        "augment": AugmentConfig(background_db=6, pitch_bins=2),
    }
)


@pytest.mark.parametrize(("variant", "config"), [("ns", CONFIG), ("wns", CONFIG), ("wns", EVERYTHING)])
def test_interrupted_run_resumes_to_the_bit(tmp_path, variant: str, config: TrainConfig) -> None:
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        _train(variant, config, checkpoint=path, stop_after=5)
    resumed, whole = _train(variant, config, checkpoint=path), _train(variant, config)
    assert _same(resumed, whole)
    assert [r["loss"] for r in resumed.history] == [r["loss"] for r in whole.history]


def test_checkpoint_of_another_experiment_is_not_resumed(tmp_path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    _train(checkpoint=path, config=CONFIG.model_copy(update={"seed": 5}))
    assert _same(_train(checkpoint=path), _train())


def test_damaged_checkpoint_is_named(tmp_path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"checkpoint\.safetensors is damaged"):
        _train(checkpoint=path)


def test_variants_differ_only_when_weights_do() -> None:
    no_weights = CONFIG.model_copy(update={"loss": CONFIG.loss.model_copy(update={"alpha_share": 0.0})})
    assert _same(_train("ns"), _train("wns", no_weights))
    assert not _same(_train("ns"), _train("wns"))


def test_weights_of_the_best_validation_are_kept() -> None:
    recalls = iter([0.1, 0.9, 0.0, 0.0])
    trained = train(_songs(), _trainee(), "ns", CONFIG, lambda _: next(recalls), lambda *_: None)
    assert trained.best_step == 4


def test_without_validation_the_last_weights_are_kept() -> None:
    trained = train(_songs(), _trainee(), "ns", CONFIG, None, lambda *_: None)
    assert (trained.best_step, trained.best_recall) == (8, None)


def test_accumulated_batches_make_one_step() -> None:
    trained = _train(config=CONFIG.model_copy(update={"accumulate": 3}))
    assert [r["step"] for r in trained.history] == [2, 4, 6, 8]


def test_lyric_weights_spread_as_wanted() -> None:
    trained = _train("wns")
    assert trained.lyric_temperature is not None
    assert trained.history[-1]["weight_spread"] > 0.1


def test_projection_learns_which_words_matter() -> None:
    """Neighbours share the first of two lyric features; the second is noise that the projection has to forget."""
    rng = np.random.default_rng(0)
    n = 60
    groups = np.arange(n) % 6
    lyrics = np.concatenate([np.eye(6)[groups] * 0.6, rng.normal(size=(n, 12))], axis=1).astype(np.float32)
    lyrics /= np.linalg.norm(lyrics, axis=1, keepdims=True)
    alike = csr_array((groups[:, None] == groups[None]) & ~np.eye(n, dtype=bool), dtype=np.float64)
    songs = TrainingSongs(_songs(n).features, np.arange(n), alike, lyrics)
    loss = LossConfig(fused_share=0.9, temperature=0.5)
    config = CONFIG.model_copy(update={"steps": 60, "batch_size": 20, "learning_rate": 2e-2, "loss": loss})
    trained = train(songs, _trainee(), "ns", config, None, lambda *_: None)

    def told_apart(rows: np.ndarray) -> float:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        nearest = np.argsort(-(unit @ unit.T) + 9 * np.eye(n), axis=1)[:, :5]
        return float((groups[nearest] == groups[:, None]).mean())

    assert told_apart(lyrics @ trained.lyric_matrix) > told_apart(lyrics) + 0.2


def test_speed_of_training_is_measured() -> None:
    speed = _train().speed
    assert speed["segments_per_s"] > 0
    assert 0 < speed["utilisation"] <= 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # the compiler's own
def test_compiled_encoder_trains_as_the_plain_one() -> None:
    encoder = ENCODER.model_copy(update={"dropout": 0.0})  # the compiler draws other random numbers
    losses = []
    for compiled in (False, True):
        config = CONFIG.model_copy(update={"compile": compiled, "precision": "fp32"})
        losses.append(train(_songs(), _trainee(encoder), "ns", config, None, lambda *_: None).history[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.slow
def test_planted_structure_is_learned() -> None:
    config = CONFIG.model_copy(update={"steps": 80, "learning_rate": 5e-3, "augment": AugmentConfig()})
    songs = _songs()
    trained = train(songs, _trainee(), "ns", config, None, lambda *_: None)
    encoder = AudioEncoder(ENCODER, 16, 20).eval()
    encoder.load_state_dict(trained.weights)
    with torch.inference_mode():
        first, second = (
            encoder(torch.from_numpy(np.stack([f[s : s + 20] for f in songs.features]).astype(np.float32)))
            for s in (0, 40)
        )
    own = (first @ second.T).argmax(dim=1) == torch.arange(len(songs))
    assert own.float().mean() > 0.7


def test_loudness_does_not_change_the_embedding() -> None:
    torch.manual_seed(0)
    encoder, segment = AudioEncoder(ENCODER, 16, 20).eval(), torch.randn(1, 40, 16)
    with torch.inference_mode():
        torch.testing.assert_close(encoder(segment), encoder(segment + 7), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("frames", [16, 33, 250])
def test_embedding_is_of_unit_length_for_any_number_of_frames(frames: int) -> None:
    with torch.inference_mode():
        lengths = AudioEncoder(ENCODER, 16, 20).eval()(torch.randn(3, frames, 16)).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3))
