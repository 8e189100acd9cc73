"""Where the catalogue lives and how it is configured: from the environment, with defaults that just work."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from dagster_project.logged_count import LoggedCount
from dagster_project.remote_home import begin_use, copy_of, end_use, is_open
from dagster_project.watching import end_watch, watched_events
from simsong_pipeline.config import PipelineConfig, SampleConfig
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.run import Run, open_source
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.wishes import NO_WISHES, Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import log_line
from simsong_pipeline.logs import is_json, log_as_json
from simsong_pipeline.redaction import guard_logs
from simsong_pipeline.remote.address import is_url
from simsong_pipeline.sources.source import Source, SourceConfig, source_at

# A night may have to wait for a whole run.
WAIT_S = 3_600.0


def steps_are_processes() -> bool:
    """Whether each step of a run is a process of its own, as SIMSONG_EXECUTOR says."""
    given = os.environ.get("SIMSONG_EXECUTOR") or "in_process"
    if given not in ("in_process", "multiprocess"):
        raise SimSongError(f"SIMSONG_EXECUTOR is {given!r}: in_process or multiprocess is needed")
    return given == "multiprocess"


class SimSong(dg.ConfigurableResource):
    """Every field left empty is read from the environment when a run starts.

    SIMSONG_HOME, SIMSONG_RAW, SIMSONG_MANIFEST, SIMSONG_LIBRARY (a music folder), SIMSONG_RELEVANCE, SIMSONG_CONFIG (a
    TOML file), SIMSONG_ENGINE (local or ray) and SIMSONG_ENGINE_ADDRESS (of a Ray cluster), which carry the work of
    buckets; QDRANT_URL and QDRANT_API_KEY are read by the store itself.

    `accept_shrink`, or SIMSONG_ACCEPT_SHRINK=1, is --accept-shrink: that more than half of the songs are gone is meant.
    For one run, in the launchpad: `resources: {simsong: {config: {accept_shrink: true}}}`.

    `wait_s`: how long a run waits for a home that a command or another run holds, before its step fails; it has taken
    no number then, and overtakes nobody.
    """

    home: str | None = None
    raw: str | None = None
    manifest: str | None = None
    library: str | None = None
    relevance: str | None = None
    config_file: str | None = None
    engine: str | None = None
    engine_address: str | None = None
    sample_songs: int | None = None
    sample_artists: int | None = None
    train_steps: int | None = None
    accept_shrink: bool = False
    wait_s: float = WAIT_S
    _run_id: str | None = PrivateAttr(default=None)
    _source: Source | None = PrivateAttr(default=None)
    # No function as the default: pydantic would bind it, and never give another one.
    _told: Callable[[str], None] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Remember the run: it holds the home (in one process, to its end), and is refused it once overtaken."""
        guard_logs()
        if is_json():
            log_as_json()
        self._run_id = context.run.run_id if context.run else None
        if context.log is not None:
            self._told = context.log.info
        begin_use(self._run_id)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Let go of the home at the end of the run; what it has left in one at an address is published now."""
        try:
            end_watch(context)
            if not is_url(self.named_home()) or is_open(self._run_id):
                self.workspace().end_run()
        finally:
            end_use(self._run_id)

    def workspace(self) -> Workspace:
        """The home folder, as the run sees it that this resource was made for."""
        named, told = self.named_home(), self._told or log_line
        home = copy_of(named, self._run_id, self.wait_s, told) if is_url(named) else Path(named)
        return Workspace(home, self._run_id, self.wait_s, told, keeps=not steps_are_processes())

    def named_home(self) -> str:
        """A folder or an address."""
        return self.home or os.environ.get("SIMSONG_HOME") or "simsong-data"

    def source(self) -> SourceConfig:
        """Raw data: a folder, a manifest or a music folder; where none is named, those of the home's last run."""
        raw, manifest = self.raw or os.environ.get("SIMSONG_RAW"), self.manifest or os.environ.get("SIMSONG_MANIFEST")
        library = self.library or os.environ.get("SIMSONG_LIBRARY")
        named = source_at(_place(raw), _place(manifest))
        if library:
            named = named.model_copy(update={"library": Path(library).absolute()})
        return named if named.is_named else self.workspace().load_source()

    def run(self, context: dg.AssetExecutionContext, wishes: Wishes = NO_WISHES, every: int = 10) -> Run:
        """The run that a step belongs to; it tells the step's log what it does."""
        workspace, named, told = self.workspace(), self.source(), self.told(context, every)
        # One for all steps of a run in this process: a manifest is read once.
        if self._source is None or self._source.config != named:
            self._source = open_source(workspace, named)
        meant, config = self.meant(wishes), self.config()
        workspace.settle_buckets(config.home.buckets)
        return Run(workspace, self._source, config, datetime.now(UTC), told, meant, context.run.run_id)

    def told(self, context: dg.AssetExecutionContext, every: int = 10) -> Events:
        """Progress for the step's log, and for the home's note of what is at work."""
        return watched_events(self.workspace(), context, events(context, every))

    def meant(self, wishes: Wishes = NO_WISHES) -> Wishes:
        """The wishes, with that of the resource or the environment."""
        accepted = self.accept_shrink or os.environ.get("SIMSONG_ACCEPT_SHRINK") == "1"
        return replace(wishes, accept_shrink=accepted)

    def config(self) -> PipelineConfig:
        """The configuration of the last `simsong run` in this home, changed by the file and the environment."""
        file = self.config_file or os.environ.get("SIMSONG_CONFIG")
        relevance = self.relevance or os.environ.get("SIMSONG_RELEVANCE")
        steps = self.train_steps
        changes = {
            "evaluation.relevance": relevance,
            "train.steps": steps,
            "train.head_steps": steps,
            "engine.kind": self.engine or os.environ.get("SIMSONG_ENGINE") or None,
            "engine.address": self.engine_address or os.environ.get("SIMSONG_ENGINE_ADDRESS") or None,
        }
        return read_config(Path(file) if file else None, self.workspace().load_config(), changes)

    def sample(self) -> SampleConfig:
        """The sample catalogue that is written where there are no raw data."""
        changes = {"songs": self.sample_songs, "artists": self.sample_artists}
        return SampleConfig.model_validate({name: value for name, value in changes.items() if value is not None})


def _place(text: str | None) -> Path | str | None:
    """An address, or a path that is absolute, as the home remembers it: the command reads the same from any folder."""
    return (text if is_url(text) else Path(text).absolute()) if text else None


def events(context: dg.AssetExecutionContext | dg.OpExecutionContext, every: int = 10) -> Events:
    """Progress as log lines, one for each `every`th part of a count, however large its steps are."""
    count = LoggedCount(context.log.info, every)
    return Events(context.log.info, count.progress, context.log.info)
