"""The metrics of rankings, query by query.

Definitions. For a query with R relevant items in its gallery of n candidates (itself excluded) and h of
them among the first k: Recall@k = h / R, Precision@k = h / k, hit rate = [h > 0], nDCG@k with gain 1 and
discount 1 / log2(rank + 1) (Järvelin & Kekäläinen, 2002). A query with R = 0 is left out and counted.
"""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.evaluation.task import Task

METRICS = ("recall", "precision", "ndcg", "hit_rate")


def per_query(ranked: NDArray[np.int64], task: Task, k: int) -> dict[str, NDArray[np.float64]]:
    """Each metric for each query that has a relevant candidate, [queries]."""
    rows = np.flatnonzero(task.queries)
    hit = task.hits(rows[:, None], ranked[rows])
    hits, relevant = hit.sum(axis=1), task.relevant_counts[rows]
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(relevant, k) - 1]
    return {
        "recall": hits / relevant,
        "precision": hits / k,
        "ndcg": (hit * discount[: hit.shape[1]]).sum(axis=1) / ideal,
        "hit_rate": (hits > 0).astype(np.float64),
    }


def chance(task: Task, k: int) -> dict[str, float]:
    """Expected value of each metric under a uniformly random ranking, in closed form."""
    rows = task.queries
    relevant = task.relevant_counts[rows].astype(np.float64)
    size = task.candidates.counts(task.asked[rows]).astype(np.float64)
    drawn = np.minimum(k, size)
    discounts = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    ideal = discounts[np.minimum(relevant, k).astype(int)]
    return {
        "recall": float(np.mean(drawn / size)),
        "precision": float(np.mean(drawn * relevant / size / k)),
        "ndcg": float(np.mean(relevant / size * discounts[drawn.astype(int)] / ideal)),
        "hit_rate": float(np.mean(1 - np.exp(_log_choose(size - relevant, drawn) - _log_choose(size, drawn)))),
    }


def _log_choose(n: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.float64]:
    """log of n choose k, -inf where k > n."""
    possible = np.maximum(n - k, 0)
    from scipy.special import gammaln  # not before: a night loads this module and measures nothing

    value = gammaln(n + 1) - gammaln(k + 1) - gammaln(possible + 1)
    return np.where(k > n, -np.inf, value)


def oracle(task: Task, k: int) -> dict[str, float]:
    """The most that any ranking can reach: recall stays below 1 for queries with more than k relevant."""
    relevant = task.relevant_counts[task.queries]
    best = np.minimum(relevant, k)
    return {
        "recall": float(np.mean(best / relevant)),
        "precision": float(np.mean(best / k)),
        "ndcg": 1.0,
        "hit_rate": 1.0,
    }


def occurrences(ranked: NDArray[np.int64], songs: int) -> NDArray[np.int64]:
    """[songs] how often each song is among the first k of others: its k-occurrence N_k."""
    return np.bincount(ranked[ranked >= 0], minlength=songs)


def hub_skew(ranked: NDArray[np.int64], songs: int) -> float:
    """Skewness of N_k (Radovanović et al., 2010): near 0 without hubs, above 1 when a few songs crowd lists."""
    counts = occurrences(ranked, songs).astype(np.float64)
    deviation = counts.std()
    return float(np.mean(((counts - counts.mean()) / deviation) ** 3)) if deviation else 0.0


def coverage(ranked: NDArray[np.int64], songs: int) -> float:
    """Share of the gallery that is recommended for at least one query."""
    return float(np.mean(occurrences(ranked, songs) > 0))


def anti_hubs(ranked: NDArray[np.int64], songs: int) -> float:
    """Share of the gallery that is in nobody's list: what no listener is ever shown."""
    return 1 - coverage(ranked, songs)
