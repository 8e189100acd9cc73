"""Choosing among candidates those that are near to what is asked for and unlike each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Limit:
    """How many songs may come of each group.

    Attributes:
        groups: [n] the number of each song's group.
        room: [groups].
    """

    groups: NDArray[np.intp]
    room: NDArray[np.intp]


def by_marginal_relevance(
    relevance: NDArray[np.floating[Any]],
    directions: NDArray[np.floating[Any]],
    diversity: float,
    k: int,
    limits: Sequence[Limit] = (),
) -> list[int]:
    """Numbers of at most k songs, each next one by (1 - diversity) * relevance - diversity * redundancy.

    A song's redundancy is its greatest likeness to those chosen before: maximal marginal relevance (Carbonell and
    Goldstein, 1998), whose lambda is 1 - diversity.

    Args:
        relevance: [n] scores.
        directions: [n, d] rows whose inner products are the songs' likeness to each other.
    """
    chosen: list[int] = []
    redundancy = np.zeros(len(relevance))
    while len(chosen) < k and (free := _free(len(relevance), chosen, limits)).any():
        marginal = (1 - diversity) * relevance - diversity * redundancy
        best = int(np.where(free, marginal, -np.inf).argmax())
        likeness = directions @ directions[best]
        redundancy = np.maximum(redundancy, likeness) if chosen else likeness
        chosen.append(best)
    return chosen


def _free(songs: int, chosen: Sequence[int], limits: Sequence[Limit]) -> NDArray[np.bool_]:
    """[songs] Whether each may be chosen next."""
    numbers = np.array(chosen, np.intp)
    free = np.ones(songs, np.bool_)
    free[numbers] = False
    for limit in limits:
        taken = np.bincount(limit.groups[numbers], minlength=len(limit.room))
        free &= (limit.room > taken)[limit.groups]
    return free
