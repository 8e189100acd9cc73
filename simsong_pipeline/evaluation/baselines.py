"""What a method has to beat: a random ranking, and timbre statistics without learning."""

import numpy as np
from numpy.typing import NDArray


class RandomScores:
    """Scores that mean nothing: the rows of one stream of random numbers, [songs, songs], wherever they begin."""

    def __init__(self, songs: int, seed: int) -> None:
        self._songs, self._seed = songs, seed

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, songs]"""
        return np.stack([self._row(row) for row in rows.tolist()])

    def _row(self, row: int) -> NDArray[np.float32]:
        skipped = row * self._songs
        stream = np.random.PCG64(self._seed)
        rng = np.random.Generator(stream.advance(skipped // 2))  # a number of 64 bits gives two of 32
        return rng.random(self._songs + skipped % 2, dtype=np.float32)[skipped % 2 :]


def random_scores(songs: int, seed: int) -> NDArray[np.float32]:
    """[songs, songs] scores that mean nothing."""
    return np.random.default_rng(seed).random((songs, songs), dtype=np.float32)


class GaussianScores:
    """Negative symmetric Kullback-Leibler divergences of means and covariances (Mandel & Ellis, 2005).

    KL(a|b) + KL(b|a) = (tr(B⁻¹A) + tr(A⁻¹B) + d'(A⁻¹ + B⁻¹)d) / 2 - D, d being the difference of means.

    Args:
        songs: mean [D] and covariance [D, D] of each.
    """

    def __init__(self, songs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> None:
        self._means = np.stack([mean for mean, _ in songs])
        rows, columns = np.triu_indices(self._means.shape[1])
        twice = np.where(rows == columns, 1.0, 2.0)
        inverses = np.linalg.inv(np.stack([covariance for _, covariance in songs]))
        self._turned = np.einsum("ikl,il->ik", inverses, self._means)
        # Halves of symmetric matrices: a product of both is the trace of the matrices' product.
        self._inverses = inverses[:, rows, columns] * twice
        self._moments = np.stack([covariance[rows, columns] for _, covariance in songs])
        self._moments += self._means[:, rows] * self._means[:, columns]
        self._lengths = np.einsum("ik,ik->i", self._turned, self._means)

    def __call__(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """[rows, songs]; the squares are expanded around each song's own inverse."""
        divergence = self._moments[rows] @ self._inverses.T + self._inverses[rows] @ self._moments.T
        divergence -= 2 * (self._turned[rows] @ self._means.T + self._means[rows] @ self._turned.T)
        divergence += self._lengths[rows][:, None] + self._lengths[None]
        scores: NDArray[np.float32] = (self._means.shape[1] - divergence / 2).astype(np.float32)
        return scores


def gaussian_scores(songs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float32]:
    """[n, n] `GaussianScores` of all songs for all."""
    return GaussianScores(songs)(np.arange(len(songs)))


def log_mel_statistics(log_mel: NDArray[np.float16]) -> NDArray[np.float64]:
    """Mean and deviation over time of each mel band, [2 n_mels], the mean level of the song taken off.

    Args:
        log_mel: [frames, n_mels] in dB.
    """
    values = log_mel.astype(np.float64)
    mean = values.mean(axis=0)
    return np.concatenate([mean - mean.mean(), values.std(axis=0)])


def statistics_scores(songs: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Cosines [n, n] of statistics, each of which is standardised over the songs."""
    rows = np.stack(songs)
    standard = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-12)
    unit = standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)
    scores: NDArray[np.float32] = (unit @ unit.T).astype(np.float32)
    return scores
