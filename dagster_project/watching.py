"""A run of Dagster as the home shows it: the note of the step at work, and its figures at the end.

A run has one of each in a process; where steps are processes, each adds its own to the run's.
"""

import time
from dataclasses import dataclass, field

import dagster as dg

from simsong_pipeline.home.events import Events
from simsong_pipeline.home.night_note import Noting, State, begin_note
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.logs import begin
from simsong_pipeline.observing.handing_out import hand_out
from simsong_pipeline.observing.observed import keep
from simsong_pipeline.observing.watch import Watch

_QUIET = Events(lambda _: None, lambda *_: None, lambda _: None)


@dataclass
class _Watched:
    """What is noted of a run in this process.

    Attributes:
        is_whole: everything that a night does was done, or there was nothing to do.
    """

    workspace: Workspace
    noting: Noting
    started: float
    watch: Watch = field(default_factory=Watch)
    is_whole: bool = False


_watched: dict[str, _Watched] = {}


def watched_events(workspace: Workspace, context: dg.AssetExecutionContext, told: Events) -> Events:
    """What a step tells, with the home's note of it; the step is the stage."""
    run_id = context.run.run_id
    if run_id not in _watched:
        begin()
        noting = begin_note(workspace, f"dagster {context.run.job_name.strip('_').lower()}", _QUIET)
        _watched[run_id] = _Watched(workspace, noting, time.time())
        hand_out(workspace)
    here = _watched[run_id]
    noted = here.noting.events
    seen = here.watch.events(noted)
    seen.stage(context.op_execution_context.op_handle.name.replace("__", "/"))

    def progress(done: int, total: int) -> None:
        noted.progress(done, total)
        told.progress(done, total)

    def note(text: str) -> None:
        noted.note(text)
        told.note(text)

    return Events(told.stage, progress, note, seen.count)


def is_whole(run_id: str) -> None:
    """Say that a run did all that a night does."""
    if run_id in _watched:
        _watched[run_id].is_whole = True


def end_watch(context: dg.InitResourceContext) -> None:
    """Note how a run ended, or a step of it that was a process; nothing where it told nothing here."""
    run = context.run
    here = _watched.pop(run.run_id, None) if run else None
    if run is None or here is None:
        return
    failed = _failure(context, run.run_id)
    here.noting.end("done" if failed is None else "failed", failed or "")
    state: State | None = "failed" if failed is not None else "done" if here.is_whole else None
    keep(here.workspace, run.run_id, here.started, here.watch, state)


def _failure(context: dg.InitResourceContext, run_id: str) -> str | None:
    """The step that failed, and its reason; null where none did."""
    if context.instance is None:
        return None
    records = context.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    if not records:
        return None
    event = records[0].event_log_entry.get_dagster_event()
    told = event.step_failure_data.user_failure_data
    return f"{event.step_key}: {told.description if told and told.description else 'failed'}"
