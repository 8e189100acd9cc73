"""Whitening of lyric vectors, fitted on training songs.

Mean-pooled BERT vectors share a large common part: all pairs look alike. Centring and whitening (Su et al.,
2021, arXiv 2103.15316) gives cosines with a mean near 0, so a song without lyrics, whose vector is absent,
counts as average rather than as unlike.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.errors import ModelError

# Directions with less variance than this share of the largest are noise and left out.
_SMALLEST_SHARE = 1e-3


@dataclass(frozen=True)
class Whitening:
    """x → (x - mean) @ projection, scaled to unit length. Shapes: mean [d], projection [d, k]."""

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """[n, d] → unit vectors [n, k]."""
        projected = (vectors - self.mean) @ self.projection
        unit: NDArray[np.float32] = projected / np.maximum(np.linalg.norm(projected, axis=1, keepdims=True), 1e-12)
        return unit

    def then(self, matrix: NDArray[np.float32]) -> "Whitening":
        """This one followed by x → x @ matrix [k, k']; the scaling to unit length in between drops out."""
        return Whitening(self.mean, (self.projection @ matrix).astype(np.float32))


def fit_whitening(vectors: NDArray[np.float32], dim: int, strength: float = 0.5) -> Whitening:
    """Fit on training vectors [n, d]; keeps at most `dim` directions and at most n / 2.

    Args:
        strength: exponent on the eigenvalues: 1 whitens fully, 0 only centres and projects. Few songs
            estimate the small eigenvalues badly, hence the half way in between.

    Raises:
        ModelError: fewer than four vectors.
    """
    if len(vectors) < 4:
        raise ModelError(f"whitening needs the lyrics of at least 4 training songs, there are {len(vectors)}")
    mean = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.cov((vectors - mean).T)
    values, directions = np.linalg.eigh(covariance)
    values, directions = values[::-1], directions[:, ::-1]
    keep = min(dim, max(2, len(vectors) // 2), int((values > _SMALLEST_SHARE * values[0]).sum()))
    if keep < 1 or values[0] <= 0:
        return truncation(vectors.shape[1], dim)  # all lyrics are the same: nothing to fit
    scale = values[:keep] ** (-strength / 2)
    # The sign of an eigenvector is arbitrary; the largest entry positive makes it the same everywhere.
    signs = np.sign(directions[np.abs(directions[:, :keep]).argmax(axis=0), np.arange(keep)])
    return Whitening(mean.astype(np.float32), (directions[:, :keep] * signs * scale).astype(np.float32))


def truncation(width: int, dim: int) -> Whitening:
    """Where too few training songs have lyrics to fit anything: the first `dim` of `width` numbers as they are."""
    keep = min(width, dim)
    return Whitening(np.zeros(width, np.float32), np.eye(width, keep, dtype=np.float32))
