"""Audio and lyrics as one score, and the weight between them, chosen on validation songs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.evaluation.retrieval import Task, per_query, top_k

GRID = tuple(round(0.05 * step, 2) for step in range(21))


@dataclass(frozen=True)
class SongVectors:
    """Unit vectors of songs: audio [n, d], lyrics [n, k] with zero rows where there are none."""

    audio: NDArray[np.float32]
    lyrics: NDArray[np.float32]


def fused_scores(vectors: SongVectors, audio_weight: float) -> NDArray[np.float32]:
    """[n, n] w * cos(audio) + (1 - w) * cos(lyrics), row being the query.

    As in the index: a query without lyrics goes by its audio alone, a candidate without lyrics has a lyric
    cosine of 0, the average.
    """
    has_lyrics = np.any(vectors.lyrics, axis=1)
    weight = np.where(has_lyrics, audio_weight, 1.0)[:, None].astype(np.float32)
    fused: NDArray[np.float32] = weight * (vectors.audio @ vectors.audio.T) + (1 - weight) * (
        vectors.lyrics @ vectors.lyrics.T
    )
    return fused


def choose_audio_weight(vectors: SongVectors, task: Task, k: int) -> tuple[float, dict[float, float]]:
    """The weight of the best Recall@k, and the recall of each weight on the grid.

    The recalls of neighbouring weights are averaged first, so that one lucky weight is not chosen; of equal
    weights the most even one is.
    """
    recalls = np.array([per_query(top_k(fused_scores(vectors, w), task, k), task, k)["recall"].mean() for w in GRID])
    padded = np.pad(recalls, 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    best = max(range(len(GRID)), key=lambda i: (round(float(smooth[i]), 9), -abs(GRID[i] - 0.5)))
    return GRID[best], dict(zip(GRID, recalls.tolist(), strict=True))
