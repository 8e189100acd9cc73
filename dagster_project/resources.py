"""Where the catalogue lives and how it is configured: from the environment, with defaults that just work."""

import os
from pathlib import Path

import dagster as dg

from simsong_pipeline.config import PipelineConfig, SampleConfig
from simsong_pipeline.pipeline.events import Events
from simsong_pipeline.pipeline.settings import read_config
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace


class SimSong(dg.ConfigurableResource):
    """Every field left empty is read from the environment when a run starts.

    SIMSONG_HOME, SIMSONG_RAW, SIMSONG_MANIFEST, SIMSONG_LIBRARY (a music folder), SIMSONG_RELEVANCE, SIMSONG_CONFIG (a
    TOML file); QDRANT_URL and QDRANT_API_KEY are read by the store itself.
    """

    home: str | None = None
    raw: str | None = None
    manifest: str | None = None
    library: str | None = None
    relevance: str | None = None
    config_file: str | None = None
    sample_songs: int | None = None
    sample_artists: int | None = None
    train_steps: int | None = None

    def workspace(self) -> Workspace:
        """The home folder."""
        return Workspace(Path(self.home or os.environ.get("SIMSONG_HOME") or "simsong-data"))

    def source(self) -> SourceConfig:
        """Raw data: a folder, a manifest, a music folder, or what lies in the home."""
        given = {
            "raw": self.raw or os.environ.get("SIMSONG_RAW"),
            "manifest": self.manifest or os.environ.get("SIMSONG_MANIFEST"),
            "library": self.library or os.environ.get("SIMSONG_LIBRARY"),
        }
        return SourceConfig.model_validate({name: Path(path) for name, path in given.items() if path})

    def config(self) -> PipelineConfig:
        """The configuration of the last `simsong run` in this home, changed by the file and the environment."""
        file = self.config_file or os.environ.get("SIMSONG_CONFIG")
        relevance = self.relevance or os.environ.get("SIMSONG_RELEVANCE")
        changes = {"evaluation.relevance": relevance, "train.steps": self.train_steps}
        return read_config(Path(file) if file else None, self.workspace().load_config(), changes)

    def sample(self) -> SampleConfig:
        """The sample catalogue that is written where there are no raw data."""
        changes = {"songs": self.sample_songs, "artists": self.sample_artists}
        return SampleConfig.model_validate({name: value for name, value in changes.items() if value is not None})


def events(context: dg.AssetExecutionContext, every: int = 10) -> Events:
    """Progress as log lines, one for each `every`th part of a stage."""

    def progress(done: int, total: int) -> None:
        step = max(1, total // every)
        if done % step == 0 or done == total:
            context.log.info("%d of %d", done, total)

    return Events(context.log.info, progress, context.log.info)
