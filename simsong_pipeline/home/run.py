"""What travels through a run together: home, raw data, configuration, clock, who listens, and what was asked for."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.wishes import NO_WISHES, Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.library.source import LibrarySource
from simsong_pipeline.sources.manifest_source import ManifestSource
from simsong_pipeline.sources.raw_folder import RawFolder
from simsong_pipeline.sources.remote_raw_folder import RemoteRawFolder
from simsong_pipeline.sources.source import Source, SourceConfig


@dataclass(frozen=True)
class Run:
    """A run, or a step of one.

    Attributes:
        source: the raw data, of whatever kind.
        now: what its points are dated by.
        run_id: what it takes its number by; publishing is refused to one that another run has overtaken.
    """

    workspace: Workspace
    source: Source
    config: PipelineConfig
    now: datetime
    events: Events
    wishes: Wishes = NO_WISHES
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex)


def open_source(workspace: Workspace, config: SourceConfig) -> Source:
    """The raw data that are named, else the home's own; nothing is read yet."""
    if config.library is not None:
        return LibrarySource(config, config.library, workspace)
    if config.manifest is not None:
        return ManifestSource(config, config.manifest, workspace)
    if config.manifest_url is not None:
        return ManifestSource(config, config.manifest_url, workspace)
    if config.raw_url is not None:
        return RemoteRawFolder(config, config.raw_url, workspace)
    return RawFolder(config, workspace.raw, workspace)
