"""Corrections of rankings for hubs, as functions of a square score matrix, higher being nearer.

Which of them the index can serve: CSLS, whose correction belongs to the candidate alone (`simsong_pipeline.points`
keeps it in further dimensions). Mutual proximity needs both songs' statistics and is here as a method to compare with.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]


def neighbourhood_means(similarities: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """[n] r_k of each row: the mean of its k largest similarities [n, references], of all where there are fewer."""
    k = min(k, similarities.shape[1])
    largest = np.partition(similarities, similarities.shape[1] - k, axis=1)[:, -k:]
    means: NDArray[np.float32] = largest.mean(axis=1, dtype=np.float64).astype(np.float32)
    return means


def without_diagonal(scores: Scores) -> Scores:
    """[n, n - 1]: each row without its own column."""
    n = len(scores)
    return scores[~np.eye(n, dtype=bool)].reshape(n, n - 1)


def csls(cosines: Scores, k: int) -> Scores:
    """2 cos(x, y) - r_k(x) - r_k(y) (Lample et al., 2018, arXiv 1710.04087); the songs are their own references."""
    means = neighbourhood_means(without_diagonal(cosines), k)
    return 2 * cosines - means[:, None] - means[None]


def local_scaling(cosines: Scores, k: int) -> Scores:
    """-d(x, y)^2 / (s(x) s(y)), s being the distance to the k-th neighbour (Zelnik-Manor & Perona, 2004)."""
    squared = np.maximum(2 - 2 * cosines, 0)
    kth = np.sort(without_diagonal(squared), axis=1)[:, min(k, len(cosines) - 1) - 1]
    scale = np.sqrt(np.maximum(kth, 1e-12))
    scaled: Scores = (-squared / (scale[:, None] * scale[None])).astype(np.float32)
    return scaled


def mutual_proximity(scores: Scores) -> Scores:
    """Share of the songs that are further from x than y is and further from y than x is.

    The empirical form (Schnitzer et al., 2012, JMLR 13, 2871-2902), which musly approximates by normal distributions;
    that form lost to this one here, where single songs lie far from all others. Costs n^3 comparisons.
    """
    proximity = np.empty_like(scores, np.float32)
    for x, row in enumerate(scores):
        further = (row[None] < row[:, None]) & (scores < scores[:, x][:, None])
        proximity[x] = further.mean(axis=1)
    return proximity
