"""Metrics against loops, simulation and rankings whose value is known."""

import math

import numpy as np
import pytest

from simsong_pipeline.errors import EvaluationError
from simsong_pipeline.evaluation.bootstrap import interval, paired_difference, resamples
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import METRICS, chance, coverage, hub_skew, oracle, per_query
from simsong_pipeline.evaluation.task import Task, build_task


def _task(n: int = 40, share: float = 0.2, seed: int = 0) -> Task:
    relevant = np.random.default_rng(seed).random((n, n)) < share
    relevant[0] = False  # a query without a relevant song
    return build_task(relevant)


def _slow(scores: np.ndarray, task: Task, k: int) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {name: [] for name in METRICS}
    for q in range(len(scores)):
        candidates = np.flatnonzero(task.candidates.of(np.array([q]))[0]).tolist()
        wanted = {c for c in candidates if task.relevant[q, c]}
        if not wanted:
            continue
        ranked = sorted(candidates, key=lambda c: (-scores[q, c], c))[:k]
        hits = [1.0 if c in wanted else 0.0 for c in ranked]
        ideal = sum(1 / math.log2(r + 2) for r in range(min(k, len(wanted))))
        values["recall"].append(sum(hits) / len(wanted))
        values["precision"].append(sum(hits) / k)
        values["ndcg"].append(sum(h / math.log2(r + 2) for r, h in enumerate(hits)) / ideal)
        values["hit_rate"].append(float(any(hits)))
    return values


@pytest.mark.parametrize("k", [1, 10, 60])
@pytest.mark.parametrize("metric", METRICS)
def test_metrics_equal_the_definition(metric: str, k: int) -> None:
    task = _task()
    scores = np.random.default_rng(1).random((40, 40), dtype=np.float32)
    ranked = top_k(scores, task, k)
    np.testing.assert_allclose(per_query(ranked, task, k)[metric], _slow(scores, task, k)[metric])


@pytest.mark.parametrize("metric", METRICS)
def test_chance_is_the_mean_of_random_rankings(metric: str) -> None:
    task, rng = _task(n=25), np.random.default_rng(2)
    draws = [
        per_query(top_k(rng.random((25, 25), dtype=np.float32), task, 5), task, 5)[metric].mean() for _ in range(3000)
    ]
    assert chance(task, 5)[metric] == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / math.sqrt(3000))


@pytest.mark.parametrize("metric", METRICS)
def test_oracle_is_reached_by_the_perfect_ranking(metric: str) -> None:
    task = _task(share=0.5)
    perfect = top_k(task.relevant.toarray().astype(np.float32), task, 10)
    assert per_query(perfect, task, 10)[metric].mean() == pytest.approx(oracle(task, 10)[metric])


def test_artist_filter_removes_songs_of_the_same_artist() -> None:
    task = build_task(np.ones((4, 4), bool), np.array([0, 0, 1, 1]))
    assert (
        task.candidates.of(np.arange(4)).tolist() == [[False, False, True, True]] * 2 + [[True, True, False, False]] * 2
    )


def test_equal_scores_rank_by_position() -> None:
    assert top_k(np.zeros((4, 4), np.float32), build_task(np.ones((4, 4), bool)), 2)[3].tolist() == [0, 1]


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(EvaluationError, match="NaN"):
        top_k(np.full((4, 4), np.nan, np.float32), build_task(np.ones((4, 4), bool)), 2)


def test_nothing_relevant_is_an_error_and_no_zero() -> None:
    with pytest.raises(EvaluationError, match="no query has a relevant song"):
        build_task(np.zeros((4, 4), bool))


def test_hub_in_every_list_gives_a_positive_skew_and_low_coverage() -> None:
    task = build_task(np.ones((30, 30), bool))
    scores = np.zeros((30, 30), np.float32)
    scores[:, 7] = 1
    ranked = top_k(scores, task, 1)
    assert hub_skew(ranked, 30) > 4
    assert coverage(ranked, 30) == pytest.approx(2 / 30)


def test_evenly_recommended_songs_have_no_skew() -> None:
    ranked = np.roll(np.arange(10), -1)[:, None]
    assert hub_skew(ranked, 10) == 0
    assert coverage(ranked, 10) == 1


def test_interval_agrees_with_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(0.4, 0.2, 400)
    low, high = interval(values, resamples(400, 4000, 1))
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.004)


def test_paired_difference_ignores_what_both_share() -> None:
    hard = np.random.default_rng(0).random(200)
    mean, low, high = paired_difference(hard + 0.01, hard, resamples(200, 500, 1))
    assert (mean, low, high) == pytest.approx((0.01, 0.01, 0.01))
