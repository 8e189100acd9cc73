"""The untrained start: what it keeps of few songs, what it changes with many, and the head that begins as it."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from export.onnx_export import export_encoder
from export.parity import check_parity, fixed_features
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT, musicnn_weights
from simsong_pipeline.config import InferenceConfig
from simsong_pipeline.inference import OnnxEncoder
from simsong_pipeline.learning.encoder.head import StartHead
from simsong_pipeline.learning.encoder.start import fit_start

CHANNELS, DIM = 300, 48


def _songs(n: int, seed: int = 0) -> NDArray[np.float32]:
    """Features with variances that fall from direction to direction."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, CHANNELS)) * np.linspace(3, 0.1, CHANNELS)).astype(np.float32)


def _cosines(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines: NDArray[np.float32] = unit @ unit.T
    return cosines


@pytest.mark.parametrize("songs", [1, 2, 5, 47, 48, 49, 200])
def test_any_number_of_songs_gives_unit_vectors_of_one_width(songs: int) -> None:
    rows = _songs(songs)
    vectors = fit_start(rows, DIM, seed=0).apply(rows)
    assert vectors.shape == (songs, DIM)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_few_songs_keep_their_cosines() -> None:
    """Four songs say next to nothing of variances, so the prior holds: a rotation, from nearly the body's own mean."""
    rows = _songs(4)
    vectors = fit_start(rows, DIM, seed=0).apply(rows)
    np.testing.assert_allclose(vectors @ vectors.T, _cosines(rows - rows.mean(axis=0) * 4 / 24), atol=0.06)


def test_many_songs_are_half_whitened() -> None:
    """Deviations of the projections are the square roots of what they were, up to one factor."""
    rows = _songs(20_000)
    start = fit_start(rows, DIM, seed=0)
    projected = (rows - start.mean) @ start.projection
    before = np.linspace(3, 0.1, CHANNELS)[:DIM]
    ratio = np.sort(projected.std(axis=0))[::-1] / np.sqrt(before)
    assert ratio.max() / ratio.min() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("songs", [2, 30, CHANNELS - 1, CHANNELS, 2 * CHANNELS])
def test_directions_are_those_of_a_singular_value_decomposition(songs: int) -> None:
    """Whichever are fewer, songs or channels; up to a common sign and length, which the prior decides."""
    rows = _songs(songs)
    start = fit_start(rows, DIM, seed=0)
    lengths, directions = np.linalg.svd((rows - start.mean).astype(np.float64), full_matrices=False)[1:]
    keep = min(songs, DIM)
    found = start.projection[:, :keep].astype(np.float64)
    variances = lengths[:keep] ** 2 / songs
    gains = ((songs * variances + 50 * variances.mean()) / (songs + 50)) ** -0.25
    gains /= np.sqrt((gains**2 * variances).sum() / variances.sum())
    np.testing.assert_allclose(np.abs(directions[:keep] @ found), np.diag(gains), atol=1e-5)


def test_songs_that_come_later_are_told_apart_by_directions_that_nobody_spanned() -> None:
    """Random directions keep lengths and angles in expectation; without them these songs would all be the same."""
    start = fit_start(_songs(3), DIM, seed=0)
    later = np.zeros((40, CHANNELS), np.float32)
    later[:, 200:] = np.random.default_rng(5).normal(size=(40, 100))
    projected = (later - start.mean) @ start.projection
    lengths = np.linalg.norm(projected, axis=1) / np.linalg.norm(later, axis=1)
    assert lengths.mean() == pytest.approx(1, abs=0.3)
    errors = _cosines(projected) - _cosines(later)
    assert np.abs(errors).max() < 5 / np.sqrt(DIM)


def test_same_seed_same_start_and_another_seed_another_filling() -> None:
    first, again, other = (fit_start(_songs(5), DIM, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.projection, again.projection)
    assert not np.array_equal(first.projection, other.projection)
    np.testing.assert_allclose(first.projection[:, :4], other.projection[:, :4])


def test_a_loud_nuisance_hides_less_of_a_quiet_likeness() -> None:
    """Songs of a group share a quiet direction each; three loud directions that say nothing lie above it."""
    rng = np.random.default_rng(0)
    groups = np.arange(120) % 12
    rows = rng.normal(size=(120, CHANNELS)) * 0.1
    rows[:, :3] += rng.normal(size=(120, 3)) * 4
    rows[np.arange(120), 10 + groups] += 2
    rows = rows.astype(np.float32)

    def found(vectors: NDArray[np.float32]) -> float:
        order = np.argsort(-(_cosines(vectors) - 9 * np.eye(120)), axis=1)[:, :9]
        return float((groups[order] == groups[:, None]).mean())

    assert found(fit_start(rows, DIM, seed=0).apply(rows)) > 1.5 * found(rows)


def test_untrained_head_is_the_start() -> None:
    rows = _songs(30)
    start = fit_start(rows, DIM, seed=0)
    head = StartHead(start, dropout=0.1).eval()
    with torch.inference_mode():
        vectors = head(torch.from_numpy(rows)[:, None]).numpy()
    np.testing.assert_allclose(vectors, start.apply(rows), atol=1e-6)


def test_head_takes_the_mean_of_its_rows() -> None:
    rows = _songs(6)
    head = StartHead(fit_start(rows, DIM, seed=0), dropout=0.1).eval()
    with torch.inference_mode():
        one, mean = head(torch.from_numpy(rows)[None]), head(torch.from_numpy(rows.mean(axis=0))[None, None])
    torch.testing.assert_close(one, mean)


def test_head_learns_through_its_residual_alone() -> None:
    head = StartHead(fit_start(_songs(30), DIM, seed=0), dropout=0.0)
    assert [name for name, parameter in head.named_parameters() if parameter.requires_grad] == ["residual.weight"]
    head(torch.from_numpy(_songs(4, seed=1))[:, None])[:, 0].sum().backward()
    assert float(head.residual.weight.grad.abs().sum()) > 0


def test_head_is_the_same_under_onnx_runtime(tmp_path) -> None:
    rows = _songs(60)
    head = StartHead(fit_start(rows, DIM, seed=0), dropout=0.1).eval()
    torch.nn.init.normal_(head.residual.weight, std=0.1)
    export_encoder(head, 1, CHANNELS, {}, tmp_path / "head.onnx")
    session = OnnxEncoder(tmp_path / "head.onnx", InferenceConfig(provider="cpu"))
    assert check_parity(head, session, fixed_features(CHANNELS), rows[:, None]).holds


def test_weights_scale_the_channels_and_zero_leaves_them_out() -> None:
    rows = _songs(60)
    weights = np.linspace(0.5, 2, CHANNELS).astype(np.float32)
    weights[200:] = 0
    start = fit_start(rows, DIM, 0, weights)
    expected = fit_start(rows[:, :200] * weights[:200], DIM, 0)
    np.testing.assert_allclose(start.apply(rows), expected.apply(rows[:, :200] * weights[:200]), atol=1e-5)
    changed = rows.copy()
    changed[:, 200:] += 9
    np.testing.assert_array_equal(start.apply(changed), start.apply(rows))


def test_layers_of_both_bodies_weigh_as_they_are_to() -> None:
    """By the spreads that were measured: the last layer and the mean pool the same, the max pool half."""
    weights = musicnn_weights(["musicnn-msd", "musicnn-mtt"]).astype(np.float64)
    layout, width = MUSICNN_LAYOUT, MUSICNN_LAYOUT.width
    measured = {0: (41.6, 144.2, 147.3), width: (29.1, 251.4, 252.3)}
    variances = [
        weights[begin + part.start] ** 2 * spread
        for begin, spreads in measured.items()
        for part, spread in zip((layout.penultimate, layout.mean_pool, layout.max_pool), spreads, strict=True)
    ]
    np.testing.assert_allclose(np.array(variances) / variances[0], [1, 1, 0.5, 1, 1, 0.5], rtol=1e-5)
    assert not weights[layout.tags].any()
