"""Listening similarity of the sample catalogue: a noisy function of all latents, cut to ranked lists.

Neither the music nor the words alone determine it: the score of a pair is a weighted sum of how near
their audio latents lie and how alike their theme mixtures are, plus noise.
"""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.config import SampleConfig
from simsong_pipeline.sources.sample.latents import Latents

SAME_LANGUAGE = 0.25


def pair_scores(latents: Latents, config: SampleConfig) -> NDArray[np.float64]:
    """Similarity [n, n] of all ordered pairs, in units of the noise-free signal; the diagonal is -inf.

    An instrumental has no words, so its pairs get the mean lyric similarity.
    """
    rng = np.random.default_rng(np.random.SeedSequence([config.seed, 2]))
    audio = _standardised(-np.linalg.norm(latents.audio[:, None] - latents.audio[None], axis=2))
    words = _standardised(_lyric_affinity(latents))
    words[latents.instrumental, :] = 0.0
    words[:, latents.instrumental] = 0.0
    signal = _standardised((1 - config.lyric_share) * audio + config.lyric_share * words)
    shared = rng.normal(size=signal.shape)
    noise = (shared + shared.T) / 2 + rng.normal(size=signal.shape) / np.sqrt(2)
    scores = signal + config.similarity_noise * noise
    np.fill_diagonal(scores, -np.inf)
    return np.asarray(scores, np.float64)


def ranked_lists(scores: NDArray[np.float64], neighbours: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices and scores [n, neighbours], best first.

    The scores fall off as in the Last.fm data set: 1 for the nearest, a few hundredths for most.
    """
    order = np.argsort(-scores, axis=1, kind="stable")[:, :neighbours]
    raw = np.take_along_axis(scores, order, axis=1)
    return order, np.clip(np.exp(3.0 * (raw - raw[:, :1])), 1e-3, 1.0).astype(np.float64)


def _lyric_affinity(latents: Latents) -> NDArray[np.float64]:
    unit = latents.themes / np.linalg.norm(latents.themes, axis=1, keepdims=True)
    same_language = latents.language[:, None] == latents.language[None]
    affinity: NDArray[np.float64] = unit @ unit.T + SAME_LANGUAGE * same_language
    return affinity


def _standardised(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Zero mean and unit deviation over the pairs off the diagonal."""
    off = matrix[~np.eye(len(matrix), dtype=bool)]
    standardised: NDArray[np.float64] = (matrix - off.mean()) / off.std()
    return standardised
