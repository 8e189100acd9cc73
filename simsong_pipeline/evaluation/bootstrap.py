"""Bootstrap over queries: percentile intervals of means and of paired differences (Efron, 1979)."""

import numpy as np
from numpy.typing import NDArray


def resamples(queries: int, count: int, seed: int) -> NDArray[np.int64]:
    """Indices [count, queries] drawn with replacement. Sharing them between methods pairs the methods."""
    return np.random.default_rng(seed).integers(queries, size=(count, queries))


def interval(values: NDArray[np.float64], drawn: NDArray[np.int64], level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the mean of `values` [queries]."""
    means = values[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], drawn: NDArray[np.int64]
) -> tuple[float, float, float]:
    """Mean of first - second over the same queries, with its interval."""
    difference = first - second
    return (float(difference.mean()), *interval(difference, drawn))


def grouped_means(
    sums: NDArray[np.float64], counts: NDArray[np.int64], resampled: int, seed: int
) -> NDArray[np.float64]:
    """Means [resampled, columns] over whole groups of rows drawn with replacement (Davison & Hinkley, 1997, 3.8).

    A group's rows, such as one song asked in several galleries, are not drawn apart: they tell the same thing twice.

    Args:
        sums: [groups, columns] of each group's rows.
        counts: [groups] how many rows each has.
    """
    groups, rng = len(counts), np.random.default_rng(seed)
    means = np.empty((resampled, sums.shape[1]))
    for number in range(resampled):  # one at a time: all draws of many groups at once would not fit
        often = np.bincount(rng.integers(groups, size=groups), minlength=groups)
        means[number] = often @ sums / (often @ counts)
    return means
