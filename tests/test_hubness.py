"""Hubness corrections against loops, and on hubs that were planted."""

import math

import numpy as np
import pytest

from simsong_pipeline.evaluation.hubness import csls, local_scaling, mutual_proximity, neighbourhood_means
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import hub_skew
from simsong_pipeline.evaluation.task import build_task


def _cosines(n: int = 12, dim: int = 5, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T).astype(np.float32)


def _hubs() -> np.ndarray:
    """Songs around a common direction, some of them much nearer to it: those are everyone's neighbours."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 40))
    rows[:, 0] = 0
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    pull = np.where(np.arange(200) < 6, 3.0, rng.uniform(0, 0.7, 200))
    rows[:, 0] = pull
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T).astype(np.float32)


def _others(scores: np.ndarray, i: int) -> list[float]:
    return [float(scores[i, j]) for j in range(len(scores)) if j != i]


def test_csls_equals_the_formula() -> None:
    cosines = _cosines()
    means = [sum(sorted(_others(cosines, i))[-3:]) / 3 for i in range(12)]
    expected = [[2 * cosines[i, j] - means[i] - means[j] for j in range(12)] for i in range(12)]
    assert np.allclose(csls(cosines, 3), expected, atol=1e-6)


def test_local_scaling_equals_the_formula() -> None:
    cosines = _cosines()
    kth = [math.sqrt(2 - 2 * sorted(_others(cosines, i))[-3]) for i in range(12)]
    expected = [[-(2 - 2 * cosines[i, j]) / (kth[i] * kth[j]) for j in range(12)] for i in range(12)]
    assert np.allclose(local_scaling(cosines, 3), np.array(expected) * (1 - np.eye(12)), atol=1e-4)


def test_mutual_proximity_equals_the_formula() -> None:
    cosines = _cosines()

    proximity = mutual_proximity(cosines)
    for i in range(12):
        for j in range(12):
            further = [cosines[i, z] < cosines[i, j] and cosines[z, j] < cosines[i, j] for z in range(12)]
            assert proximity[i, j] == pytest.approx(sum(further) / 12)


def test_fewer_references_than_neighbours_are_all_averaged() -> None:
    assert neighbourhood_means(np.array([[0.2, 0.4]], np.float32), 10) == pytest.approx(0.3)


CORRECTIONS = [(lambda s: csls(s, 10), 0.5), (lambda s: local_scaling(s, 10), 0.7), (mutual_proximity, 0.5)]


@pytest.mark.parametrize(("correction", "share"), CORRECTIONS)
def test_planted_hubs_shrink(correction, share: float) -> None:
    scores = _hubs()
    task = build_task(~np.eye(len(scores), dtype=bool))
    before, after = (hub_skew(top_k(s, task, 10), len(s)) for s in (scores, correction(scores)))
    assert before > 3
    assert after < share * before
