"""What stands for a recording's patches in the benchmark of real music, in closed form and on planted songs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.real_music.hearing import Heard
from benchmarks.real_music.material import Material
from benchmarks.real_music.patch_methods import patch_methods
from benchmarks.real_music.places import named_places
from benchmarks.real_music.pooling import (
    PAIRED,
    STATISTICS,
    beside_deviations,
    best_pair,
    best_pairs,
    chamfer,
    pairwise,
    unit_means,
)
from simsong_pipeline.config import PipelineConfig

Rows = NDArray[np.float32]


def _rows(*rows: list[float]) -> Rows:
    return np.array(rows, np.float32)


def test_statistics_by_hand() -> None:
    rows = _rows([0, 5], [2, 5], [10, 8])
    assert STATISTICS["median"](rows).tolist() == [2, 5]
    assert STATISTICS["max"](rows).tolist() == [10, 8]
    assert STATISTICS["std"](rows).tolist() == pytest.approx([(56 / 3) ** 0.5, 2**0.5])


def test_deviations_beside_means_vary_as_much_as_their_share_says() -> None:
    rng = np.random.default_rng(0)
    songs = [(rng.normal(size=3) * 4 + rng.normal(size=(5, 3)) * rng.random()).astype(np.float32) for _ in range(40)]
    weights = np.array([1.0, 0.5, 0.0], np.float32)
    features, beside = beside_deviations(songs, weights, 0.25)
    np.testing.assert_allclose(features[7], [*songs[7].mean(axis=0), *songs[7].std(axis=0)], rtol=1e-5)
    varied = (features * beside).var(axis=0)
    assert varied[3:].sum() == pytest.approx(0.25 * varied[:3].sum(), rel=1e-4)
    assert beside[:3].tolist() == weights.tolist()
    assert beside[3] == pytest.approx(2 * beside[4])


def test_songs_of_one_patch_have_no_deviations_to_weigh() -> None:
    features, beside = beside_deviations([_rows([1, 2]), _rows([3, 4])], np.ones(2, np.float32), 0.5)
    assert features[:, 2:].tolist() == [[0, 0]] * 2
    assert beside.tolist() == [1, 1, 0, 0]


def test_loud_patch_counts_as_much_as_the_others() -> None:
    weights = np.array([2.0, 1.0], np.float32)
    assert unit_means([_rows([50, 0], [0, 1])], weights).tolist() == [[0.5, 0.5]]
    assert unit_means([_rows([3, 8])], weights)[0].tolist() == pytest.approx([0.6, 0.8])


# Two songs of two patches and one of one, at angles whose cosines are 1, 0.8, 0.6 and 0.
EAST, NORTH, NORTH_EAST = [1.0, 0.0], [0.0, 1.0], [0.8, 0.6]
SONGS = [_rows(EAST, NORTH), _rows(NORTH_EAST, [2.0, 0.0]), _rows([0.0, 3.0])]


@pytest.mark.parametrize(
    ("pooled", "expected"),
    [
        (best_pair, [1.0, 1.0, 1.0, 1.0, 0.6, 1.0]),
        # (1 + 1 + 0) / 3, (1 + 0.8 + 0.6) / 3, (1 + 0) / 2, (1 + 1 + 0.8) / 3, (0.6 + 0) / 2, 1
        (best_pairs, [2 / 3, 0.8, 0.5, 2.8 / 3, 0.3, 1.0]),
        # From the first to the second 1 and 0.6, back 0.8 and 1; to the third 0 and 1, back 1; …
        (chamfer, [1.0, 0.85, 0.75, 1.0, 0.45, 1.0]),
    ],
)
def test_songs_compared_patch_by_patch_by_hand(pooled: object, expected: list[float]) -> None:
    found = pairwise(SONGS, pooled)  # type: ignore[arg-type]
    assert found[np.triu_indices(3)].tolist() == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(found, found.T, atol=1e-6)


def _material(rows: list[Rows]) -> Material:
    """Songs of which the bodies are said to have heard these six patches, wherever they were."""
    config = PipelineConfig()
    places = named_places(6)
    starts = np.array(sorted({s for p in places.values() for s in p(1876, 0)}))
    rng = np.random.default_rng(0)
    heard = []
    for song in rows:
        everywhere = song[rng.integers(0, len(song), len(starts))]
        everywhere[np.searchsorted(starts, places["even_6"](1876, 0))] = song
        heard.append(Heard(starts, everywhere.astype(np.float16), np.zeros(1), np.zeros((1, 64)), 16_000 * 30, 0))
    return Material(heard, {}, config, 0)


def _planted(style: NDArray[np.int64], shares: int) -> list[Rows]:
    """Songs of which `shares` of six patches are in their style, the others in no song's."""
    rng = np.random.default_rng(1)
    styles = rng.normal(size=(style.max() + 1, 2 * 1756)) * 2
    songs = []
    for own in style:
        rows = rng.normal(size=(6, 2 * 1756))
        rows[rng.permutation(6)[:shares]] += styles[own]
        songs.append(rows.astype(np.float32))
    return songs


# What all patches of a song share is nothing that their deviation tells.
BY_LEVEL = [name for name in patch_methods(_material(_planted(np.arange(2), 6))) if name != "patches_std"]


@pytest.mark.parametrize("name", BY_LEVEL)
def test_each_method_finds_songs_whose_patches_are_alike(name: str) -> None:
    style = np.arange(24) // 4
    (scores, *_) = patch_methods(_material(_planted(style, 6)))[name]()
    np.fill_diagonal(scores, -np.inf)
    assert (style[np.argsort(-scores, axis=1)[:, :3]] == style[:, None]).all()


@pytest.mark.parametrize("name", list(PAIRED))
def test_patch_by_patch_finds_songs_that_share_one_patch(name: str) -> None:
    style = np.arange(24) // 4
    (scores,) = patch_methods(_material(_planted(style, 1)))[name]()
    np.fill_diagonal(scores, -np.inf)
    assert np.mean(style[scores.argmax(axis=1)] == style) > 0.9


def test_deviation_finds_songs_that_change_alike() -> None:
    rng = np.random.default_rng(2)
    style = np.arange(24) // 4
    changing = rng.random((6, 2 * 1756)) < 0.3
    rows = [(rng.normal(size=(6, 2 * 1756)) * np.where(changing[s], 3, 0.1)).astype(np.float32) for s in style]
    (scores,) = patch_methods(_material(rows))["patches_std"]()
    np.fill_diagonal(scores, -np.inf)
    assert (style[scores.argmax(axis=1)] == style).all()
