"""Fixtures that several test files share: the real sample files, a small catalogue, and a finished run of it."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import s3_bucket
import watched_night
from loopback import serve
from serving import Served, served

from simsong_pipeline import redaction, retrying
from simsong_pipeline.audio.feature_store import AudioFrames
from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.config import EncoderConfig, EventConfig, PipelineConfig, SampleConfig, TrainConfig
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.errors import ModelUnavailableError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.model_cache import MusicnnFiles, ensure_musicnn
from simsong_pipeline.home.run import Run, open_source
from simsong_pipeline.home.wishes import Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.run import run
from simsong_pipeline.runs.summary import RunSummary
from simsong_pipeline.service.library import Library
from simsong_pipeline.sources.sample.generate import write_sample
from simsong_pipeline.sources.source import SourceConfig
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

if TYPE_CHECKING:
    from qdrant_server import QdrantServer

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SMALL_SAMPLE = SampleConfig(songs=48, artists=12, styles=4, neighbours=12, min_seconds=6, max_seconds=7)
SMALL_CONFIG = PipelineConfig(
    encoder=EncoderConfig(kind="convolution", stem_channels=4, widths=(16, 24), depths=(1, 1), embedding_dim=16),
    train=TrainConfig(steps=6, head_steps=6, batch_size=8, warmup_steps=1, validate_every=3),
)
# The same for commands.
SMALL_TOML = """
[encoder]
kind = "convolution"
stem_channels = 4
widths = [16, 24]
depths = [1, 1]
embedding_dim = 16
[train]
steps = 6
head_steps = 6
batch_size = 8
warmup_steps = 1
validate_every = 3
"""
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# The contract of the stores is tested on this server too. Out of the environment, because everything else would go to
# it as well, and move its alias to the sample's songs.
SERVER = os.environ.pop("QDRANT_URL", None)
QUIET = Events(stage=lambda _: None, progress=lambda *_: None, note=lambda _: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: processes that share the files then end at about the same time."""
    minutes = Counter[Path]()
    for item in items:
        minutes[item.path] += sum(mark.kwargs.get("minutes", 0) for mark in item.iter_markers("slow"))
    items.sort(key=lambda item: -minutes[item.path])


def run_of(
    workspace: Workspace,
    source: SourceConfig = SourceConfig(),  # noqa: B008 - it cannot change
    config: PipelineConfig = SMALL_CONFIG,
    events: Events = QUIET,
    run_id: str | None = None,
    **wishes: bool,
) -> Run:
    """A run over the home's raw data, or over others, at `NOW`."""
    run = Run(workspace, open_source(workspace, source), config, NOW, events, Wishes(**wishes))
    return run if run_id is None else replace(run, run_id=run_id)


def hear_tasks(folder: Path, tasks: list[AudioTask], config: PipelineConfig) -> AudioFrames:
    """The frames of a features folder, once these recordings, all that it is to have, were heard."""
    function = HearBucket(folder, config, wait_s=10.0)
    return hear_all(function, LocalEngine(), tasks, None, QUIET.progress)


@pytest.fixture(autouse=True)
def _addresses_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test gives away as a secret is an ordinary word to the next one."""
    monkeypatch.setattr(redaction, "_remembered", set())


@pytest.fixture(scope="session")
def shared() -> Path:
    """Genuine files of the data sets; they have terms of their own and are not part of the project."""
    if not SHARED.is_dir():
        pytest.skip(f"no real sample data at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def musicnn_files() -> MusicnnFiles:
    """MusiCNN out of the cache that homes share, fetched where it is not there."""
    try:
        return ensure_musicnn(QUIET)
    except ModelUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def sample_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample catalogue on disk; do not change it."""
    folder = tmp_path_factory.mktemp("sample") / "raw"
    write_sample(folder, SMALL_SAMPLE)
    return folder


@pytest.fixture(scope="session")
def features_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small sample catalogue without recordings: known by its HDF5 files' features; do not change it."""
    folder = tmp_path_factory.mktemp("features") / "raw"
    write_sample(folder, SMALL_SAMPLE.model_copy(update={"recordings": False}))
    return folder


@pytest.fixture(scope="session")
def features_run(features_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, RunSummary]:
    """A home after a run over the sample without recordings, for which nobody chose an encoder; do not change it."""
    workspace = Workspace(tmp_path_factory.mktemp("features-home") / "home")
    events = EventConfig(body="transformer", span=16, spans=3, width=16, layers=1, steps=3)
    config = PipelineConfig(events=events, train=SMALL_CONFIG.train)
    return workspace, run(run_of(workspace, SourceConfig(raw=features_raw), config, publish_anyway=True))


@pytest.fixture(scope="session")
def finished_run(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, RunSummary]:
    """The small sample after a whole run; do not change it."""
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    shutil.copytree(sample_raw, workspace.raw)
    summary = run(run_of(workspace, publish_anyway=True))
    return workspace, summary


@pytest.fixture
def run_copy(finished_run: tuple[Workspace, RunSummary], tmp_path: Path) -> Workspace:
    """A copy of the finished run that a test may change. Times of change are kept."""
    home = tmp_path / "home"
    shutil.copytree(finished_run[0].home, home)
    return Workspace(home)


@pytest.fixture(scope="session")
def served_sample(
    finished_run: tuple[Workspace, RunSummary], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A service over the finished run that only reads, so that tests share it."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(finished_run[0].home, home)
    # Without a key, whatever the test that comes first has set.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SIMSONG_API_KEY", raising=False)
        running = served(Workspace(home), read_only=True)
        sample = running.__enter__()
    try:
        yield sample
    finally:
        running.__exit__(None, None, None)


@pytest.fixture(scope="session")
def night(
    finished_run: tuple[Workspace, RunSummary], tmp_path_factory: pytest.TempPathFactory
) -> "watched_night.WatchedNight":
    """A night that was watched, over a copy of the finished run; do not change it."""
    return watched_night.watched_night(finished_run[0], tmp_path_factory.mktemp("watched"))


@pytest.fixture(scope="session")
def asked(night: "watched_night.WatchedNight") -> Iterator[tuple[Served, "watched_night.Scrape"]]:
    """A service over that home, and what it says after it was asked a few things."""
    with served(night.workspace, read_only=True) as running:
        yield running, watched_night.scraped(running)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server of S3's protocol."""
    with s3_bucket.s3_server() as address:
        yield address


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty bucket there."""
    with s3_bucket.bucket(s3_server, monkeypatch) as address:
        yield address


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> "Iterator[QdrantServer]":
    """An empty Qdrant server that wants a key, asked again after hundredths of a second."""
    # Imported here because it takes a second, which few tests have a use for.
    from qdrant_server import KEY, QdrantServer

    from simsong_pipeline.stores import settling, trying_again

    monkeypatch.setattr(retrying, "_FIRST_S", 0.01)
    monkeypatch.setattr(settling, "_FIRST_S", 0.01)
    monkeypatch.setattr(trying_again, "_answered", set())
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    with serve(QdrantServer(KEY)) as running:
        yield running


@pytest.fixture(scope="module")
def client(served_sample: Served) -> Iterator[httpx.Client]:
    """A client of the shared service."""
    with served_sample.client() as client:
        yield client


@pytest.fixture(scope="module")
def library(served_sample: Served) -> Library:
    """What the shared service lists."""
    return served_sample.service.snapshots.present.library
