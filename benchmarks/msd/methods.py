"""Each method's scores of a gallery, made when they are asked for, so that one method's arrays are there at a time."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.msd.lyric_vectors import LyricVectors, Progress
from benchmarks.msd.protocol import Gallery
from benchmarks.msd.references import popularity_rows, tag_rows
from benchmarks.msd.submitted import unit_rows
from simsong_pipeline.config import VARIANTS, PipelineConfig, Variant
from simsong_pipeline.evaluation.baselines import RandomScores
from simsong_pipeline.evaluation.fusion import SongVectors, cosine_rows, fused_rows
from simsong_pipeline.evaluation.ranking import Scores
from simsong_pipeline.home.model_files import ModelFiles, TrainingRecord
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages.evaluation_stage import (
    as_indexed,
    refuse_other_model,
    song_vectors,
    start_scores,
    timbre_scores,
)

# In the order of the table; what was submitted comes last.
METHODS = (
    "random",
    "popularity",
    "timbre",
    "start_audio",
    "ns_audio",
    "wns_audio",
    "lyrics_bag",
    "lyrics_text",
    "start_fused",
    "ns_fused",
    "wns_fused",
    "tags",
)
Made = tuple[str, Callable[[], Scores]]


class HomeMethods:
    """The methods over a home that a run has finished.

    Args:
        pairs: all of the similarity, whatever their score.
        submitted: frames of track_id and vector by name.
        out: see `LyricVectors`.
    """

    def __init__(
        self,
        workspace: Workspace,
        config: PipelineConfig,
        pairs: pl.DataFrame,
        submitted: Mapping[str, pl.DataFrame],
        out: Path,
        progress: Progress,
    ) -> None:
        self._workspace, self._config, self._pairs, self._submitted = workspace, config, pairs, submitted
        self._vectors = {variant: workspace.read(f"{variant}/track_vectors") for variant in VARIANTS}
        for variant, vectors in self._vectors.items():
            refuse_other_model(workspace, variant, vectors)
        kinds = ("bag", "text")
        self._lyrics = {kind: LyricVectors(workspace, config, kind, out, progress) for kind in kinds}

    def test_songs(self) -> list[str]:
        """Songs of the test part that both variants have vectors of."""
        test = self._workspace.read("splits").filter(split="test").select("track_id")
        for vectors in self._vectors.values():
            test = test.join(vectors, on="track_id", how="semi")
        return test["track_id"].sort().to_list()

    def record(self, variant: Variant) -> TrainingRecord:
        """What training did."""
        record = ModelFiles(self._workspace.model(variant)).training()
        assert record is not None  # there are vectors by it
        return record

    def of(self, gallery: Gallery, wanted: tuple[str, ...]) -> Iterator[Made]:
        """Name and scores of each wanted method that the home has, and of all that was submitted."""
        ids = gallery.track_ids
        known = self._known(gallery)
        for name in wanted:
            if name in known:
                yield name, known[name]
        for name, frame in self._submitted.items():
            yield name, lambda frame=frame, name=name: cosine_rows(unit_rows(frame, ids, name))

    def _known(self, gallery: Gallery) -> dict[str, Callable[[], Scores]]:
        ids, workspace, config = gallery.track_ids, self._workspace, self._config
        known: dict[str, Callable[[], Scores]] = {
            "random": lambda: RandomScores(len(ids), gallery.seed),
            "popularity": lambda: popularity_rows(ids, workspace.read("tracks"), self._pairs, self._judged()),
            "timbre": lambda: timbre_scores(workspace, ids, config),
            "tags": lambda: tag_rows(ids, workspace.read("lastfm_tags")),
        }
        for variant in VARIANTS:
            known[f"{variant}_audio"] = lambda v=variant: cosine_rows(self._of(v, ids).audio)
            known[f"{variant}_fused"] = lambda v=variant: self._fused(v, ids)
        if ModelFiles(workspace.model(config.serve)).start() is not None:
            known["start_audio"] = lambda: self._start(ids)[0]
            known["start_fused"] = lambda: self._start(ids)[1]
        if self._vectors[config.serve]["lyrics"].is_not_null().any():
            for kind, vectors in self._lyrics.items():
                known[f"lyrics_{kind}"] = lambda v=vectors: cosine_rows(v.rows(ids))
        return known

    def _judged(self) -> pl.DataFrame:
        return self._workspace.read("splits").filter(split="test").select("track_id")

    def _of(self, variant: Variant, ids: list[str]) -> SongVectors:
        return song_vectors(self._vectors[variant], ids)

    def _indexed(self, variant: Variant, ids: list[str]) -> SongVectors:
        return as_indexed(self._of(variant, ids), self._workspace, variant, self.record(variant))

    def _fused(self, variant: Variant, ids: list[str]) -> Callable[[NDArray[np.int64]], NDArray[np.float32]]:
        record = self.record(variant)
        return fused_rows(self._indexed(variant, ids), record.audio_weight, record.hubness)

    def _start(self, ids: list[str]) -> tuple[Scores, Scores]:
        served = self._config.serve
        methods = start_scores(self._workspace, ids, self._indexed(served, ids), self.record(served), self._config)
        by_name = {method.name: method.scores for method in methods}
        return by_name["start_audio"], by_name["start_fused"]
