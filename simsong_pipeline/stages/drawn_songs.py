"""Which songs training draws from: all others need their frames no more once they are embedded."""

from collections.abc import Callable

import numpy as np
import polars as pl

from simsong_pipeline.audio.feature_format import trains_body
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.ground_truth import is_answerable

# Statistics of so many songs do not change with more; the singular vectors of more take minutes.
_MOST_FITTED = 2_000


def known_songs(splits: pl.DataFrame, segment_features: pl.DataFrame) -> list[str]:
    """The songs of the training and validation parts that have been heard, by track id."""
    known = splits.filter(pl.col("split") != "test").join(segment_features, on="track_id", how="semi")
    return known["track_id"].sort().to_list()


def fitted_songs(
    splits: pl.DataFrame, similarity: pl.DataFrame, segment_features: pl.DataFrame, seed: int
) -> list[str]:
    """The songs that an untrained start is fitted on: those that are not judged; all where none can be judged."""
    judged = is_answerable(splits, similarity)
    songs = known_songs(splits, segment_features) if judged else segment_features["track_id"].sort().to_list()
    if len(songs) > _MOST_FITTED:
        drawn = np.random.default_rng(seed).choice(len(songs), _MOST_FITTED, replace=False)
        songs = [songs[n] for n in sorted(drawn.tolist())]
    return songs


def drawn_songs(
    splits: pl.DataFrame,
    similarity: Callable[[], pl.DataFrame],
    segment_features: pl.DataFrame,
    config: PipelineConfig,
) -> set[str]:
    """All songs whose features training and validation read.

    Args:
        similarity: asked only where a start is fitted.
    """
    drawn = set(known_songs(splits, segment_features))
    if trains_body(config):
        drawn.update(fitted_songs(splits, similarity(), segment_features, config.train.seed))
    return drawn
