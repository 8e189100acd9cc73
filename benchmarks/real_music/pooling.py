"""From what is heard of a recording's patches to how alike recordings are: other ways than the patches' mean.

What a song is by its patches is either one row, to which the untrained start is fitted as it is to means, or all of
its patches, which are compared pair by pair.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Statistic = Callable[[Rows], Rows]

STATISTICS: dict[str, Statistic] = {
    "median": lambda rows: np.median(rows, axis=0).astype(np.float32),
    "max": lambda rows: rows.max(axis=0),
    "std": lambda rows: rows.std(axis=0),
}
BEST = 3


def beside_deviations(songs: Sequence[Rows], weights: Rows, share: float) -> tuple[Rows, Rows]:
    """Means and standard deviations over patches side by side, [n, 2 c], and what each column weighs, [2 c].

    Args:
        songs: rows [patches, c] of each song.
        weights: [c] of the channels' means.
        share: how much songs' deviations vary, all channels together and weighed, for each part that their means do.
    """
    means = np.stack([rows.mean(axis=0) for rows in songs])
    deviations = np.stack([rows.std(axis=0) for rows in songs])
    spread, other = (float(((part - part.mean(axis=0)) * weights).var(axis=0).sum()) for part in (means, deviations))
    gain = np.sqrt(share * spread / other) if other else 0.0
    return np.hstack([means, deviations]), np.concatenate([weights, weights * np.float32(gain)])


def unit_means(songs: Sequence[Rows], weights: Rows) -> Rows:
    """[n, c] means of patches that were weighed and made equally long, so that no loud patch outweighs the others."""
    return np.stack([_unit(rows * weights).mean(axis=0) for rows in songs])


def pairwise(patches: Sequence[Rows], pooled: Callable[[Rows], Rows]) -> Rows:
    """[n, n] of songs whose patch vectors [<= p, d] are compared pair by pair.

    Args:
        pooled: makes [n] of the cosines [p of one, n, p of the others]; NaN where a song has fewer patches.
    """
    longest = max(len(rows) for rows in patches)
    padded = np.full((len(patches), longest, patches[0].shape[1]), np.nan, np.float32)
    for row, vectors in zip(padded, patches, strict=True):
        row[: len(vectors)] = _unit(vectors)
    flat = padded.reshape(-1, padded.shape[2])
    cosines = ((_unit(rows) @ flat.T).reshape(len(rows), len(patches), longest) for rows in patches)
    return np.stack([pooled(block) for block in cosines]).astype(np.float32)


def best_pair(cosines: Rows) -> Rows:
    """The nearest two patches."""
    found: Rows = np.nanmax(cosines, axis=(0, 2))
    return found


def best_pairs(cosines: Rows) -> Rows:
    """The mean of the `BEST` nearest pairs of patches, or of all where there are fewer."""
    descending = -np.sort(-cosines.transpose(1, 0, 2).reshape(cosines.shape[1], -1), axis=1)
    found: Rows = np.nanmean(descending[:, :BEST], axis=1)
    return found


def chamfer(cosines: Rows) -> Rows:
    """For each patch of either song its nearest of the other; the mean of these, both songs counting the same."""
    forth = np.nanmax(cosines, axis=2).mean(axis=0)
    back = np.nanmean(cosines.max(axis=0), axis=1)
    found: Rows = (forth + back) / 2
    return found


PAIRED: dict[str, Callable[[Rows], Rows]] = {"best_pair": best_pair, "best_pairs": best_pairs, "chamfer": chamfer}


def _unit(rows: Rows) -> Rows:
    unit: Rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit
