"""Vectors of songs through torch, where there are none: a collection of few artists has no part to validate on."""

import numpy as np
from torch import nn

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.evaluation.fusion import SongVectors, with_hubness
from simsong_pipeline.stages.validation import embed_songs


def test_no_song_has_no_vectors_and_no_hubness() -> None:
    none = embed_songs(nn.Linear(3, 2), {}, [], PipelineConfig())
    assert len(none) == 0
    references = SongVectors(np.eye(4, dtype=np.float32), np.zeros((4, 2), np.float32))
    found = with_hubness(SongVectors(none, np.zeros((0, 2), np.float32)), references)
    assert found.hubness is not None
    assert found.hubness.shape == (0, 2)
