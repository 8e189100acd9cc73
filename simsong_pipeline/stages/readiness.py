"""Is there enough to learn from? If not, what training waits for."""

import numpy as np

from simsong_pipeline.evaluation.quality import ENOUGH_QUERIES
from simsong_pipeline.stages.gate import folds_of
from simsong_pipeline.stages.training_data import CatalogueParts

# Fewer songs with a partner teach a head little that the start does not know.
ENOUGH_PAIRED_SONGS = 50
# Fewer songs with lyrics make no difference between NS and WNS.
ENOUGH_LYRICS = 10
# The start is fitted anew when the catalogue has grown by this factor, up to so many songs.
_GROWTH = 2
ENOUGH_TO_FIT = 2_000


def waits_for(parts: CatalogueParts, seed: int) -> str:
    """What is missing before a head is trained on this catalogue; empty where nothing is.

    Args:
        seed: of the folds that the head would be compared with its start on.
    """
    paired = int((np.diff(parts.training_songs().neighbours.indptr) > 0).sum())
    queries = sum(fold.queries for fold in folds_of(parts, seed))
    if not parts.frames.similarity.height:
        return "songs that are known to belong together: tags of artists or genres, or Last.fm's similarity"
    missing = []
    if paired < ENOUGH_PAIRED_SONGS:
        missing.append(f"{ENOUGH_PAIRED_SONGS} songs with a related one to learn from (there are {paired})")
    if queries < ENOUGH_QUERIES:
        missing.append(f"{ENOUGH_QUERIES} such songs to choose by (there are {queries})")
    return " and ".join(missing)


def has_outgrown(fitted: int, songs: int) -> bool:
    """Whether a start that was fitted on so many songs should be fitted anew on these."""
    return fitted < ENOUGH_TO_FIT and songs >= _GROWTH * fitted


def lyrics_differ(parts: CatalogueParts) -> bool:
    """Whether enough training songs have lyrics for the variants to differ."""
    return int(np.any(parts.whitened(parts.train), axis=1).sum()) >= ENOUGH_LYRICS
