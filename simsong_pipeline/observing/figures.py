"""The figures of the last night and of all nights of a home, as a file beside the note of what a night is doing.

Nothing is decided by them. The file's name ends as those of other notes do that are this machine's own.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.home.night_note import State
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.observing.failures import failures_by_kind
from simsong_pipeline.observing.watch import Watch, of_songs
from simsong_pipeline.schemas import EXCLUSIONS

# What is done with songs, in the order in which it is.
DONE: Sequence[str] = ("decoded", "lyrics_embedded", "embedded", "upserted", "deleted")
TRACKS = "tracks"


@dataclass(frozen=True)
class Figures:
    """The last night that ended, and all of them; times in seconds of the epoch.

    Attributes:
        run: whose figures these are; steps of one run add to them.
        number: the run's, null where it wrote nothing.
        tracks: that the raw data hold, as far as a night has read them.
        counts: by their names, a variant's apart.
        failed: stage, kind of the reason, tracks; of the catalogue as it is.
        totals: songs of all nights, without variants.
        nights: how many ended in which state.
    """

    run: str
    started: float
    ended: float
    number: int | None = None
    last_success: float | None = None
    tracks: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    failed: list[tuple[str, str, int]] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
    nights: dict[str, int] = field(default_factory=dict)

    @property
    def songs(self) -> dict[str, int]:
        """What the night did with songs, by `DONE`."""
        found = of_songs(self.counts)
        return {name: found.get(name, 0) for name in DONE}


_FIGURES = TypeAdapter(Figures)


def figures_of(workspace: Workspace) -> Figures | None:
    """Those of a home; null where no night has ended, or the file cannot be read."""
    try:
        return _FIGURES.validate_python(read_json_object(_path(workspace)))
    except (OSError, ValueError, ValidationError):
        return None


def add(workspace: Workspace, run: str, number: int | None, started: float, watch: Watch) -> Figures:
    """Put a run's figures, or those of a step of it, to the home's; what a full disk refuses is told by the caller.

    Raises:
        OSError, DiskFullError: they could not be written.
    """
    watch.ended()
    before, now = figures_of(workspace), time.time()
    if before is None or before.run != run:
        former = before or Figures(run, started, now)
        before = replace(former, run=run, number=None, started=started, counts={}, stage_seconds={})
    counts = _sum(before.counts, watch.counts)
    gained = _difference(of_songs(counts), of_songs(before.counts))
    return _written(
        workspace,
        replace(
            before,
            ended=now,
            number=number or before.number,
            tracks=watch.counts.get(TRACKS, before.tracks),
            stage_seconds=_seconds(before.stage_seconds, watch.stage_seconds),
            counts=counts,
            failed=_failed(workspace, before),
            totals=_sum(before.totals, {name: gained.get(name, 0) for name in DONE}),
        ),
    )


def end(workspace: Workspace, figures: Figures, state: State) -> Figures:
    """Say how the night of these figures ended."""
    success = figures.ended if state == "done" else figures.last_success
    nights = _sum(figures.nights, {state: 1})
    return _written(workspace, replace(figures, last_success=success, nights=nights))


def _written(workspace: Workspace, figures: Figures) -> Figures:
    write_json(_path(workspace), asdict(figures))
    return figures


def _failed(workspace: Workspace, before: Figures) -> list[tuple[str, str, int]]:
    """As before where the table of what was left out is damaged, which the run itself says."""
    try:
        exclusions = workspace.read_if_there(EXCLUSIONS.name)
    except SimSongError:
        return before.failed
    return [] if exclusions is None else [(*key, count) for key, count in failures_by_kind(exclusions).items()]


def _sum(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: left.get(name, 0) + right.get(name, 0) for name in {**left, **right}}


def _seconds(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    return {name: round(left.get(name, 0.0) + right.get(name, 0.0), 3) for name in {**left, **right}}


def _difference(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {name: figure - right.get(name, 0) for name, figure in left.items()}


def _path(workspace: Workspace) -> Path:
    return workspace.home / ".night-figures.holder"
