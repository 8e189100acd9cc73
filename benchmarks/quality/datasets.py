"""The catalogues that methods are compared on: the sample at three difficulties and a larger one, or any manifest."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.msd.bag_writing import with_bags
from simsong_pipeline.audio.feature_store import FeatureReader
from simsong_pipeline.config import PipelineConfig, Relevance, SampleConfig
from simsong_pipeline.evaluation.ground_truth import artist_numbers, has_other_artists, relevance_matrix
from simsong_pipeline.evaluation.task import Task, build_task
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.run import Run, open_source
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.ahead import Ahead
from simsong_pipeline.runs.lineage import prepare
from simsong_pipeline.sources.sample.generate import write_sample
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.training_data import CatalogueParts, read_training_frames

# More noise in the similarity lowers what any method can reach; the music itself stays as it is. The large one has five
# times as many songs to learn from, and as many to choose among; the small one is for trying the benchmark itself.
_SMALL = SampleConfig(songs=48, artists=12, styles=4, neighbours=12, min_seconds=6, max_seconds=7)
SAMPLES = {
    "sample-small": _SMALL,
    "sample-easy": SampleConfig(similarity_noise=0.1),
    "sample": SampleConfig(similarity_noise=0.25),
    "sample-hard": SampleConfig(similarity_noise=0.6),
    "sample-large": SampleConfig(songs=1600, artists=320, neighbours=80),
    # Known by the features of their HDF5 files alone.
    "features-small": _SMALL.model_copy(update={"recordings": False}),
    "features": SampleConfig(recordings=False),
    "features-large": SampleConfig(songs=1600, artists=320, neighbours=80, recordings=False),
    # As who holds the data set has it: those features, and bags of words in place of pages.
    "bags": SampleConfig(recordings=False),
    "bag-texts": SampleConfig(recordings=False),
    "bags-small": _SMALL.model_copy(update={"recordings": False}),
}
# Bags are embedded by their words' counts, or written as text for the language model.
_BY_COUNTS = {"bags": True, "bag-texts": False, "bags-small": True}
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Prepared:
    """A catalogue that is ready to train on and to be asked about.

    Attributes:
        folder: where trained models of this catalogue and seed are kept.
        parts: the songs to train and validate on.
        test: the songs of the gallery, each of which is a query.
        features: of the test songs, in the form that the configured encoder is made for.
        audio: paths of the recordings, of training and test songs.
        unlabelled: features of songs that may be heard in training but of which nothing else is told.
        protocols: what is relevant to what among the test songs.
    """

    folder: Path
    config: PipelineConfig
    parts: CatalogueParts
    test: list[str]
    features: FeatureReader
    audio: pl.DataFrame
    unlabelled: list[NDArray[np.float16]]
    protocols: dict[str, Task]


@dataclass(frozen=True)
class Dataset:
    """A catalogue with its ground truth. `manifest` is null for a sample, which is drawn anew for each seed.

    Attributes:
        transfer: train on the sample and only hear the manifest's songs; all of them are then test songs.
        heard: whether the manifest's songs are heard in training at all.
    """

    name: str
    relevance: Relevance
    manifest: Path | None = None
    transfer: bool = False
    heard: bool = True

    def prepare(self, homes: Path, seed: int, base: PipelineConfig, events: Events) -> Prepared:
        """Write, decode and split what is not there yet. The seed decides sample, split and training."""
        changes: dict[str, object] = {"train.seed": seed, "splits.seed": seed, "evaluation.relevance": self.relevance}
        if self.manifest is None and not SAMPLES[self.name].recordings:
            changes |= {"encoder.kind": "events", "bags.embed": _BY_COUNTS.get(self.name, False)}
        config = read_config(None, base, changes)
        own = self._prepared_home(homes, seed, config, events)
        if not self.transfer:
            return _split_prepared(own, config)
        other = Dataset("sample", "lastfm").prepare(homes, seed, base, events)
        return _transfer_prepared(own, other, config, homes / f"{self.name}-{seed}" / "models", self.heard)

    def _prepared_home(self, homes: Path, seed: int, config: PipelineConfig, events: Events) -> Workspace:
        workspace = Workspace(homes / f"{self.name}-{seed}")
        if self.manifest is None and not workspace.raw.is_dir():
            events.stage("composing and encoding songs")
            self._write_sample(workspace.raw, seed)
        if workspace.read_if_there("splits") is None:
            # No encoders: this benchmark embeds after it has trained.
            source = open_source(workspace, SourceConfig(manifest=self.manifest))
            run = Run(workspace, source, config, datetime.now(UTC), events)
            prepare(run, Ahead(workspace, config, {}))
        return workspace

    def _write_sample(self, raw: Path, seed: int) -> None:
        sample = SAMPLES[self.name].model_copy(update={"seed": seed})
        if self.name not in _BY_COUNTS:
            write_sample(raw, sample)
            return
        pages, part = raw.with_name("pages"), raw.with_name("bags.part")
        if not pages.is_dir():
            write_sample(pages, sample)
        shutil.rmtree(part, ignore_errors=True)  # of a benchmark that was stopped
        with_bags(pages, part)
        part.rename(raw)


def _split_prepared(workspace: Workspace, config: PipelineConfig) -> Prepared:
    frames = read_training_frames(workspace)
    parts = CatalogueParts(workspace, frames, config)
    usable = frames.splits.filter(split="test").join(frames.segment_features, on="track_id", how="semi")
    test = usable["track_id"].sort().to_list()
    protocols = _protocols(frames.similarity, frames.tracks, test)
    audio = workspace.read("audio")
    return Prepared(workspace.home / "models", config, parts, test, parts.features, audio, [], protocols)


def _transfer_prepared(own: Workspace, other: Prepared, config: PipelineConfig, folder: Path, heard: bool) -> Prepared:
    segment_features = own.read("segment_features")
    test = segment_features["track_id"].sort().to_list()
    features = own.features(config).reader(segment_features)
    protocols = _protocols(own.read("lastfm_similarity"), own.read("tracks"), test)
    audio = pl.concat([own.read("audio"), other.audio])
    return Prepared(
        folder,
        other.config,
        other.parts,
        test,
        features,
        audio,
        [features[t] for t in test] if heard else [],
        protocols,
    )


def _protocols(similarity: pl.DataFrame, tracks: pl.DataFrame, test: list[str]) -> dict[str, Task]:
    relevant, artists = relevance_matrix(similarity, test), artist_numbers(tracks, test)
    protocols = {"unfiltered": build_task(relevant)}
    if has_other_artists(relevant, artists):
        protocols["artist_filtered"] = build_task(relevant, artists)
    return protocols


def named(name: str) -> Dataset:
    """One of `SAMPLES`, `artist:FILE.csv`, `genre:FILE.csv`, `transfer:FILE.csv` or
    `unheard:FILE.csv`.

    Raises:
        ValueError: none of these.
    """
    if name in SAMPLES:
        return Dataset(name, "lastfm")
    relevance, _, path = name.partition(":")
    folder = Path(path).parent.name or "manifest"
    if relevance == "artist":
        return Dataset(folder, "artist", Path(path))
    if relevance == "genre":
        return Dataset(f"{folder}-genre", "genre", Path(path))
    if relevance == "transfer":
        return Dataset(f"{folder}-transfer", "artist", Path(path), transfer=True)
    if relevance == "unheard":
        return Dataset(f"{folder}-unheard", "artist", Path(path), transfer=True, heard=False)
    known = ", ".join([*SAMPLES, *(f"{kind}:FILE.csv" for kind in ("artist", "genre", "transfer", "unheard"))])
    raise ValueError(f"no data set {name!r}: use one of {known}")
