"""Text to music: what songs sound like in a space that knows words, and questions by sound and lyrics at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.asking.recommend import Choice, Question, nearest
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import SOUND_VECTOR, Neighbour, Search, VectorStore

Asked = Mapping[str, tuple[NDArray[np.float32], float]]


def text_side(config: PipelineConfig) -> str:
    """The model whose text tower a text of sounds goes to.

    Raises:
        ModelError: the encoder has none.
    """
    if config.encoder.kind != "clap" or not config.encoder.pretrained:
        raise ModelError(
            f"the encoder ({config.encoder.kind}) knows no words: set encoder.kind to clap and encoder.pretrained to a "
            "CLAP model (laion/larger_clap_music) for --sound, and run `simsong run`"
        )
    return config.encoder.pretrained


def sound_vectors(
    workspace: Workspace, config: PipelineConfig, track_ids: Sequence[str]
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """`sound` [d] of each song, the unit mean of its patches' vectors; empty where the body has no text side.

    Untouched by whitening and head, which would turn it away from the text's vectors.
    """
    if config.encoder.kind != "clap":
        return {}
    features = workspace.features(config).reader(workspace.read("segment_features"))
    means = {track_id: features[track_id].mean(axis=0, dtype=np.float32) for track_id in track_ids}
    return {t: {SOUND_VECTOR: mean / np.float32(np.linalg.norm(mean))} for t, mean in means.items()}


def nearest_to_both(store: VectorStore, collection: str, asked: Asked, choice: Choice) -> list[Neighbour]:
    """The songs of the highest weighted sum of cosines with several named vectors, under the choice's limits.

    Chosen from the nearest by each; a song that lacks a vector counts 0 there.
    """
    question = Question(np.zeros(0, np.float32), "", {name: weight for name, (_, weight) in asked.items()})
    return nearest(_Fused(store, asked), collection, question, choice)


class _Fused:
    """A store whose answers are those of several questions to another, merged."""

    # As many of the nearest by each are looked at as for one question, times this.
    _DEPTH = 10

    def __init__(self, store: VectorStore, asked: Asked) -> None:
        self._store, self._asked = store, asked
        self.fetch = store.fetch

    def query(self, collection: str, search: Search) -> list[Neighbour]:
        """See `recommend.VectorStore`; what is asked is the object's own."""
        found: dict[str, Neighbour] = {}
        deeper = replace(search, limit=self._DEPTH * search.limit, with_vectors=list(self._asked))
        for name, (wanted, _) in self._asked.items():
            for near in self._store.query(collection, replace(deeper, vector=wanted, using=name)):
                found[near.track_id] = near
        scored = [replace(near, score=self._score(near)) for near in found.values()]
        return sorted(scored, key=lambda near: (-near.score, near.track_id))[: search.limit]

    def _score(self, near: Neighbour) -> float:
        return sum(
            weight * float(wanted @ near.vectors[name])
            for name, (wanted, weight) in self._asked.items()
            if name in near.vectors
        )
