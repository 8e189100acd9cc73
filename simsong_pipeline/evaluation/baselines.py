"""What a method has to beat: a random ranking, and timbre statistics without learning."""

import numpy as np
from numpy.typing import NDArray


def random_scores(songs: int, seed: int) -> NDArray[np.float32]:
    """[songs, songs] scores that mean nothing."""
    return np.random.default_rng(seed).random((songs, songs), dtype=np.float32)


def gaussian_scores(songs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float32]:
    """Negative symmetric Kullback-Leibler divergences [n, n] of means and covariances (Mandel & Ellis, 2005).

    KL(a|b) + KL(b|a) = (tr(B⁻¹A) + tr(A⁻¹B) + d'(A⁻¹ + B⁻¹)d) / 2 - D, d being the difference of means.
    """
    means = np.stack([m for m, _ in songs])
    covariances = np.stack([c for _, c in songs])
    inverses = np.linalg.inv(covariances)
    n, dim = means.shape
    traces = covariances.reshape(n, -1) @ inverses.reshape(n, -1).T
    # d'A⁻¹d for all pairs: expand the square around each song's own inverse.
    own = np.einsum("ik,akl,il->ai", means, inverses, means)
    cross = np.einsum("ak,akl,il->ai", means, inverses, means)
    quadratic = own + np.diag(own)[:, None] - 2 * cross
    divergence = (traces + traces.T + quadratic + quadratic.T) / 2 - dim
    scores: NDArray[np.float32] = (-divergence).astype(np.float32)
    return scores


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
