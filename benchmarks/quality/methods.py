"""Every method's scores of a prepared catalogue's test songs: classical ones, trained ones, and query-time changes."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.datasets import Prepared
from benchmarks.quality.decoded import log_mels
from benchmarks.quality.models import Progress, TrainedSongs, trained_songs
from benchmarks.quality.recipes import RECIPES
from simsong_pipeline.audio.description import FRONT_END, gaussian, timbre, timbre_statistics
from simsong_pipeline.audio.event_layout import TIMBRE
from simsong_pipeline.audio.feature_format import hears_events
from simsong_pipeline.evaluation.baselines import (
    gaussian_scores,
    log_mel_statistics,
    random_scores,
    statistics_scores,
)
from simsong_pipeline.evaluation.fusion import SongVectors, fused_scores
from simsong_pipeline.evaluation.hubness import csls, local_scaling, mutual_proximity, neighbourhood_means
from simsong_pipeline.evaluation.metrics_frame import MethodScores
from simsong_pipeline.lyrics.whitening import fit_whitening

HUB_NEIGHBOURS = 10


def method_scores(
    prepared: Prepared, recipes: Iterable[str], stage: Callable[[str], None], progress: Progress
) -> Iterator[MethodScores]:
    """One after the other, for a trained one takes minutes."""
    yield MethodScores("random", random_scores(len(prepared.test), prepared.config.train.seed))
    yield from _by_events(prepared) if hears_events(prepared.config) else _by_recordings(prepared)
    lyrics = prepared.parts.whitened(prepared.test)
    if lyrics.any():
        yield MethodScores("lyrics", _cosines(lyrics))
    for name in recipes:
        if hears_events(RECIPES[name].applied(prepared.config)) != hears_events(prepared.config):
            stage(f"  {name}: not of this catalogue, which has other features")
            continue
        stage(f"  {name}")
        songs = trained_songs(prepared, RECIPES[name], stage, progress)
        if name in ("ns", "wns"):
            yield from _served(name, songs)
        else:
            yield MethodScores(f"{name}_audio", _cosines(songs.test.audio))
            if songs.test.lyrics.any():
                yield MethodScores(f"{name}_fused", fused_scores(songs.test, songs.audio_weight))


def _by_events(prepared: Prepared) -> Iterator[MethodScores]:
    coefficients = [prepared.features[t][:, TIMBRE].astype(np.float64) for t in prepared.test]
    gaussians = gaussian_scores([gaussian(timbre_statistics(rows)) for rows in coefficients])
    yield MethodScores("timbre", gaussians)
    yield MethodScores("timbre+mp", mutual_proximity(gaussians))


def _by_recordings(prepared: Prepared) -> Iterator[MethodScores]:
    heard = log_mels(prepared.audio, prepared.config, FRONT_END)
    features = [heard[t] for t in prepared.test]
    statistics = statistics_scores([log_mel_statistics(f) for f in features])
    yield MethodScores("log_mel", statistics)
    yield MethodScores("log_mel+mp", mutual_proximity(statistics))
    gaussians = gaussian_scores([gaussian(timbre(f)) for f in features])
    yield MethodScores("mfcc", gaussians)
    yield MethodScores("mfcc+mp", mutual_proximity(gaussians))


def _served(name: str, songs: TrainedSongs) -> Iterator[MethodScores]:
    """A variant by audio, by lyrics and fused, and every correction of its rankings."""
    test, weight = songs.test, songs.audio_weight
    audio = _cosines(test.audio)
    yield MethodScores(f"{name}_audio", audio)
    yield from _corrected(f"{name}_audio", audio, _cosines(test.audio, songs.known.audio))
    for strength, label in ((0.0, "centred"), (0.5, "half_whitened"), (1.0, "whitened")):
        fitted = fit_whitening(songs.known.audio, test.audio.shape[1], strength)
        yield MethodScores(f"{name}_audio+{label}", _cosines(fitted.apply(test.audio)))
    if not test.lyrics.any():
        return
    fused = fused_scores(test, weight)
    yield MethodScores(f"{name}_fused", fused)
    joined, known = _joined(test, weight), _joined(songs.known, weight)
    yield from _corrected(f"{name}_fused", _cosines(joined), _cosines(joined, known))


def _corrected(name: str, scores: NDArray[np.float32], to_known: NDArray[np.float32]) -> Iterator[MethodScores]:
    """Corrections with the gallery as its own reference and, as the index can store them, with the training songs."""
    yield MethodScores(f"{name}+csls", csls(scores, HUB_NEIGHBOURS))
    stored = neighbourhood_means(to_known, HUB_NEIGHBOURS)
    yield MethodScores(f"{name}+csls_training", 2 * scores - stored[None])
    yield MethodScores(f"{name}+local_scaling", local_scaling(scores, HUB_NEIGHBOURS))
    yield MethodScores(f"{name}+mp", mutual_proximity(scores))


def _joined(vectors: SongVectors, weight: float) -> NDArray[np.float32]:
    """Rows whose dot product is the fused score: both parts by the root of their weight."""
    parts = [np.sqrt(weight) * vectors.audio, np.sqrt(1 - weight) * vectors.lyrics]
    joined: NDArray[np.float32] = np.concatenate(parts, axis=1).astype(np.float32)
    return joined


def _cosines(rows: NDArray[np.float32], columns: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    cosines: NDArray[np.float32] = rows @ (rows if columns is None else columns).T
    return cosines
