"""Is training worth it here? Heads are trained on parts of the catalogue and compared with their start on the rest.

A head trains in seconds, so the question is asked of every song that is not kept for the test, and not of the
validation part alone, whose few dozen songs could not tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.evaluation.comparison import Comparison, compare
from simsong_pipeline.evaluation.fusion import cosine_rows
from simsong_pipeline.evaluation.ground_truth import artist_numbers, relevance_matrix
from simsong_pipeline.evaluation.ranking import top_k
from simsong_pipeline.evaluation.retrieval import per_query
from simsong_pipeline.evaluation.task import Task, build_task
from simsong_pipeline.learning.training.loop import train
from simsong_pipeline.lyrics.whitening import Whitening
from simsong_pipeline.stages.encoders import build_encoder, on_training_device, trainee_of, training_of
from simsong_pipeline.stages.training_data import CatalogueParts
from simsong_pipeline.stages.validation import embed_songs

FOLDS = 4


@dataclass(frozen=True)
class Fold:
    """Songs to ask about, all those of their artists, and the songs to train on."""

    asked: list[str]
    trained: list[str]
    task: Task | None

    @property
    def queries(self) -> int:
        """Asked songs that have a related one among them."""
        return 0 if self.task is None else int(self.task.queries.sum())


def folds_of(parts: CatalogueParts, seed: int) -> list[Fold]:
    """Training and validation songs in `FOLDS` artist-disjoint parts of about one size, each asked in its turn."""
    artists = artist_numbers(parts.frames.tracks, parts.known)
    sizes = np.bincount(artists)
    order = np.random.default_rng(seed).permutation(len(sizes))
    filled = np.zeros(FOLDS)
    fold_of = np.zeros(len(sizes), np.int64)
    for artist in sorted(order, key=lambda a: -sizes[a]):
        fold_of[artist] = int(filled.argmin())
        filled[fold_of[artist]] += sizes[artist]
    folds = []
    for number in range(FOLDS):
        asked = [t for t, a in zip(parts.known, artists, strict=True) if fold_of[a] == number]
        trained = [t for t, a in zip(parts.known, artists, strict=True) if fold_of[a] != number]
        relevant = relevance_matrix(parts.frames.similarity, asked)
        folds.append(Fold(asked, trained, build_task(relevant, seed=seed) if relevant.nnz else None))
    return folds


def compare_with_start(parts: CatalogueParts, variant: Variant, start: Whitening, config: PipelineConfig) -> Comparison:
    """Recall@k by audio of heads trained without the songs that are asked about, and of the start, over all folds."""
    heads, starts = [], []
    for fold in folds_of(parts, config.train.seed):
        if fold.task is None or len(fold.trained) < 2:
            continue
        songs, trainee, how = parts.songs_of(fold.trained), trainee_of(config, start), training_of(config, start)
        trained = train(songs, trainee, variant, how, None, lambda *_: None)
        encoder = build_encoder(config, start)
        begun = _recalls(encoder, parts, fold, config)
        encoder.load_state_dict(trained.weights)
        heads.append(_recalls(encoder, parts, fold, config))
        starts.append(begun)
    evaluation = config.evaluation
    return compare(np.concatenate(heads), np.concatenate(starts), evaluation.bootstrap, evaluation.seed)


def _recalls(encoder: nn.Module, parts: CatalogueParts, fold: Fold, config: PipelineConfig) -> NDArray[np.float64]:
    assert fold.task is not None
    vectors = embed_songs(on_training_device(encoder, config), parts.features, fold.asked, config)
    k = config.evaluation.k
    return per_query(top_k(cosine_rows(vectors), fold.task, k), fold.task, k)["recall"]
