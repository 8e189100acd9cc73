"""A home's nights as Prometheus has them. Names and labels are listed in docs/observing.md."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from simsong_pipeline.home.night_note import NightNote, State, night_note
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.observing.figures import DONE, Figures, figures_of
from simsong_pipeline.redaction import without_credentials
from simsong_pipeline.remote.local_copy import home_name


class NightCollector(Collector):
    """Reads what nights have left in a home, each time it is asked: two small files."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._home = workspace, home_label(workspace)

    def collect(self) -> Iterator[Metric]:
        """The note of the night at work or of the last one, the figures of the last and of all, the disk."""
        note, figures = night_note(self._workspace), figures_of(self._workspace)
        if note is not None:
            yield from self._of_note(note)
        if figures is not None:
            yield from self._of_last(figures)
            yield from self._of_all(figures)
        yield from self._of_disk()

    def _of_note(self, note: NightNote) -> Iterator[Metric]:
        states = {state: float(state == note.state) for state in get_args(State)}
        yield self._by("simsong_night_state", "1 for the state of the last night, 0 for the others", "state", states)
        started = datetime.fromisoformat(note.since).timestamp()
        yield self._one("simsong_night_started_timestamp_seconds", "When the last night began", started)
        waiting = note.total - note.done if note.state == "running" else 0
        yield self._one("simsong_night_waiting", "What is left to do in the stage at work", waiting)

    def _of_last(self, last: Figures) -> Iterator[Metric]:
        yield self._one("simsong_night_ended_timestamp_seconds", "When a night ended last", last.ended)
        if last.last_success is not None:
            text = "When a night ended well last"
            yield self._one("simsong_night_last_success_timestamp_seconds", text, last.last_success)
        yield self._one("simsong_night_duration_seconds", "Of the night that ended last", last.ended - last.started)
        yield self._one(
            "simsong_night_run_number", "Of the night that ended last; 0: it wrote nothing", last.number or 0
        )
        yield self._one("simsong_night_tracks", "Tracks that the raw data hold", last.tracks)
        yield self._by("simsong_night_stage_seconds", "Seconds of each stage", "stage", last.stage_seconds)
        yield self._by(
            "simsong_night_songs", "Songs of the night that ended last, by what was done", "what", last.songs
        )
        failed = GaugeMetricFamily(
            "simsong_songs_failed", "Tracks that were left out, by stage and kind of reason", None, _FAILED
        )
        for stage, reason, count in last.failed:
            failed.add_metric([self._home, stage, reason], count)
        yield failed

    def _of_all(self, figures: Figures) -> Iterator[Metric]:
        nights = CounterMetricFamily("simsong_nights", "Nights that ended, by how", None, ["home", "state"])
        for state in get_args(State):
            if state != "running":
                nights.add_metric([self._home, state], figures.nights.get(state, 0))
        yield nights
        songs = CounterMetricFamily("simsong_songs", "Songs of all nights, by what was done", None, ["home", "what"])
        for what in DONE:
            songs.add_metric([self._home, what], figures.totals.get(what, 0))
        yield songs

    def _of_disk(self) -> Iterator[Metric]:
        try:
            disk = shutil.disk_usage(self._workspace.home)
        except OSError:  # a home that is gone has no disk: the service says so itself
            return
        yield self._one("simsong_home_disk_free_bytes", "Free on the home's disk", disk.free)
        yield self._one("simsong_home_disk_size_bytes", "Of the home's disk", disk.total)

    def _one(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(name, text, None, ["home"])
        family.add_metric([self._home], value)
        return family

    def _by(self, name: str, text: str, label: str, values: dict[str, float] | dict[str, int]) -> Metric:
        family = GaugeMetricFamily(name, text, None, ["home", label])
        for key, value in values.items():
            family.add_metric([self._home, key], value)
        return family


_FAILED = ["home", "stage", "reason"]


def home_label(workspace: Workspace) -> str:
    """What tells homes apart that one machine has: the folder's name, or the last part of its address."""
    named = without_credentials(home_name(workspace.home.absolute()))
    return named.rstrip("/").rpartition("/")[2] or "home"


def exposition(workspace: Workspace) -> bytes:
    """A home's nights in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(NightCollector(workspace))
    return generate_latest(registry)
