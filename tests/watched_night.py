"""A real night that is watched, its JSON log lines, and what a service over its home says in a scrape."""

import contextlib
import io
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from serving import Served

from simsong_pipeline.cli.json_events import logged_events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.logs import PROJECT, VARIABLE, log_as_json
from simsong_pipeline.observing.handing_out import FILE
from simsong_pipeline.observing.observed import observed
from simsong_pipeline.runs.night import refresh
from simsong_pipeline.runs.summary import RunSummary

Labels = tuple[tuple[str, str], ...]
# Asked in the tests' name, and nowhere to be seen.
PRIVATE = "a-question-of-somebody"


class Scrape:
    """The samples of a text, by name and labels."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}

    def of(self, name: str, **labels: str) -> float:
        """The one sample that has these labels."""
        (value,) = self.all(name, **labels).values()
        return value

    def all(self, name: str, **labels: str) -> Mapping[Labels, float]:
        """Samples with these labels."""
        wanted = set(labels.items())
        return {of: value for (n, of), value in self.samples.items() if n == name and wanted <= set(of)}

    def by(self, name: str, label: str) -> dict[str, float]:
        """Samples by one of their labels."""
        return {dict(of)[label]: value for of, value in self.all(name).items()}


@dataclass(frozen=True)
class WatchedNight:
    """A night, and what was said of it.

    Attributes:
        damaged: track id of the recording that is none any more.
        stages, notes: as the run told them.
        log: the lines of standard error.
    """

    workspace: Workspace
    summary: RunSummary
    damaged: str
    stages: list[str]
    notes: list[str]
    log: list[str]
    textfile: str


@contextlib.contextmanager
def logging_as_json() -> Iterator[None]:
    """Lines for programs while the block lasts; what that changes in this process is undone."""
    root, own = logging.getLogger(), logging.getLogger(PROJECT)
    hook, make = sys.excepthook, logging.getLogRecordFactory()
    handlers, own_handlers, level, propagate = root.handlers[:], own.handlers[:], own.level, own.propagate
    named = os.environ.get(VARIABLE)
    try:
        log_as_json()
        yield
    finally:
        root.handlers[:], own.handlers[:], sys.excepthook = handlers, own_handlers, hook
        own.setLevel(level)
        own.propagate = propagate
        logging.setLogRecordFactory(make)
        os.environ.pop(VARIABLE, None) if named is None else os.environ.update({VARIABLE: named})


def _both(first: Callable[[str], None], second: list[str]) -> Callable[[str], None]:
    def told(text: str) -> None:
        first(text)
        second.append(text)

    return told


def watched_night(finished: Workspace, folder: Path) -> WatchedNight:
    """A night of `simsong refresh` over a copy of a finished home."""
    from conftest import run_of  # which imports this module

    workspace = Workspace(folder / "home")
    shutil.copytree(finished.home, workspace.home)
    known = workspace.read("audio").filter(status="ok").sort("track_id")
    changed, damaged, other = known.head(3).select("track_id", "path").rows()
    own = workspace.raw / "audio"
    paths = {path.stem: path for path in own.rglob("*.*")}
    shutil.copyfile(paths[other[0]], paths[changed[0]])
    paths[damaged[0]].write_bytes(b"no music")
    stages, notes, said = list[str](), list[str](), io.StringIO()
    file = folder / "textfiles" / "simsong.prom"
    os.environ[FILE] = str(file)
    try:
        with logging_as_json(), contextlib.redirect_stderr(said):
            told = logged_events()
            listening = replace(told, stage=_both(told.stage, stages), note=_both(told.note, notes))
            with observed(workspace, "refresh", listening) as noting:
                run = run_of(workspace, events=noting.events, publish_anyway=True)
                summary = refresh(run)
    finally:
        del os.environ[FILE]
    return WatchedNight(workspace, summary, damaged[0], stages, notes, said.getvalue().splitlines(), file.read_text())


def scraped(running: Served) -> Scrape:
    """The metrics of a service that only reads, after it was asked a few things."""
    song = running.service.snapshots.present.library.songs["id"][0]
    with running.client() as client:
        for _ in range(3):
            assert client.get("/api/v1/similar", params={"like": song}).status_code == 200
        client.get("/api/v1/similar", params={"like": PRIVATE})
        client.get("/api/v1/search", params={"q": PRIVATE})
        client.get(f"/api/v1/{PRIVATE}")
        client.request("PROPFIND", f"/{PRIVATE}")
        client.post("/api/v1/similar", content=b"no json")
        client.get("/api/v1/health", headers={"host": "evil.example"})
        return Scrape(client.get("/metrics").text)
