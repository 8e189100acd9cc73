"""Audio and lyrics as one score, and the weight between them, chosen on validation songs."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.evaluation.hubness import neighbourhood_means
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import Task

Rows = Callable[[NDArray[np.int64]], NDArray[np.float32]]
_BLOCK, _ASKED = 4_096, 1_000
GRID = tuple(round(0.05 * step, 2) for step in range(21))


@dataclass(frozen=True)
class SongVectors:
    """Unit vectors of songs: audio [n, d], lyrics [n, k] with zero rows where there are none.

    Attributes:
        hubness: [n, 2] by audio and by lyrics; null where it is not known.
        stand_in: the lyric cosine that a song without lyrics counts as having, beside any song with lyrics.
    """

    audio: NDArray[np.float32]
    lyrics: NDArray[np.float32]
    hubness: NDArray[np.float32] | None = None
    stand_in: float = 0.0


def with_hubness(vectors: SongVectors, references: SongVectors, k: int = 10) -> SongVectors:
    """The same songs with their hubness among `references`: the mean of their k largest cosines, by each part."""
    parts = [
        _hubness(own, known[np.any(known, axis=1)], k)
        for own, known in ((vectors.audio, references.audio), (vectors.lyrics, references.lyrics))
    ]
    return replace(vectors, hubness=np.stack(parts, axis=1).astype(np.float32))


def _hubness(own: NDArray[np.float32], known: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """[n]; 0 without references. A song that is a reference itself is not its own neighbour."""
    if not len(own) or not len(known):
        return np.zeros(len(own), np.float32)
    nearest = min(k, max(1, len(known) - 1))
    parts = []
    for begin in range(0, len(own), _BLOCK):  # all songs against all references at once would not fit
        cosines = own[begin : begin + _BLOCK] @ known.T
        parts.append(neighbourhood_means(np.where(cosines > 1 - 1e-5, np.float32(-1), cosines), nearest))
    return np.concatenate(parts)


def with_stand_in(vectors: SongVectors, references: SongVectors, audio_weight: float, k: int = 10) -> SongVectors:
    """The same songs with what missing lyrics count as, so that a song is not named less for having none.

    Among references with lyrics, a song of the k-th largest audio cosine a is to have the k-th largest score t:
    t = w a + (1 - w) s, solved for s and averaged over the references. Songs without lyrics then come among the first
    k as often as they would by audio alone. 0 where there are too few references, or lyrics do not count.
    """
    sung = np.any(references.lyrics, axis=1)
    audio, lyrics = references.audio[sung], references.lyrics[sung]
    if len(audio) <= k or audio_weight >= 1:
        return vectors
    # Some are enough for a mean, and all against all of a large catalogue would not fit.
    asked = np.linspace(0, len(audio) - 1, min(len(audio), _ASKED)).astype(np.intp)
    by_audio = audio[asked] @ audio.T
    fused = audio_weight * by_audio + (1 - audio_weight) * (lyrics[asked] @ lyrics.T)
    cosines, scores = (_kth_of_others(m, asked, k) for m in (by_audio, fused))
    needed = (scores - audio_weight * cosines) / (1 - audio_weight)
    return replace(vectors, stand_in=float(needed.mean()))


def _kth_of_others(scores: NDArray[np.float32], own: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    """[n] The k-th largest of each row [n, m], its own column left out."""
    others = scores.astype(np.float64)
    others[np.arange(len(own)), own] = -np.inf
    kth: NDArray[np.float64] = np.partition(others, -k, axis=1)[:, -k]
    return kth


def fused_scores(vectors: SongVectors, audio_weight: float, hubness: float = 0.0) -> NDArray[np.float32]:
    """[n, n] w * cos(audio) + (1 - w) * cos(lyrics), row being the query, less the candidates' hubness.

    As in the index: a query without lyrics goes by its audio alone, a candidate without lyrics has the lyric cosine
    `vectors.stand_in`.
    """
    return fused_rows(vectors, audio_weight, hubness)(np.arange(len(vectors.audio)))


def fused_rows(vectors: SongVectors, audio_weight: float, hubness: float = 0.0) -> Rows:
    """The same for some of the songs as queries at a time."""
    has_lyrics = np.any(vectors.lyrics, axis=1)

    def rows_of(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        weight = np.where(has_lyrics[rows], audio_weight, 1.0)[:, None].astype(np.float32)
        fused: NDArray[np.float32] = weight * (vectors.audio[rows] @ vectors.audio.T)
        fused += (1 - weight) * (vectors.lyrics[rows] @ vectors.lyrics.T)
        fused += (1 - weight) * np.float32(vectors.stand_in) * ~has_lyrics[None]
        if hubness:
            assert vectors.hubness is not None
            by_audio, by_lyrics = vectors.hubness.T
            fused -= (hubness / 2 * (weight * by_audio + (1 - weight) * by_lyrics)).astype(np.float32)
        return fused

    return rows_of


def cosine_rows(vectors: NDArray[np.float32]) -> Rows:
    """Cosines of some unit vectors [n, d] at a time with all."""
    return lambda rows: vectors[rows] @ vectors.T


def choose_audio_weight(vectors: SongVectors, task: Task, k: int) -> tuple[float, dict[float, float]]:
    """The weight of the best Recall@k, and the recall of each weight on the grid.

    The recalls of neighbouring weights are averaged first, so that one lucky weight is not chosen; of equal
    weights the most even one is.
    """
    recalls = np.array([per_query(top_k(fused_rows(vectors, w), task, k), task, k)["recall"].mean() for w in GRID])
    padded = np.pad(recalls, 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    best = max(range(len(GRID)), key=lambda i: (round(float(smooth[i]), 9), -abs(GRID[i] - 0.5)))
    return GRID[best], dict(zip(GRID, recalls.tolist(), strict=True))
