"""What commands of whole runs have in common: the run that is made, and what is printed of it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_left_out
from simsong_pipeline.cli.needed import needs
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.wishes import NO_WISHES, Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import command_name
from simsong_pipeline.observing.observed import observed
from simsong_pipeline.runs.summary import in_a_line
from simsong_pipeline.sources.source import SourceConfig

if TYPE_CHECKING:
    from simsong_pipeline.home.run import Run
    from simsong_pipeline.runs.summary import RunSummary

UNREADABLE_EXIT = 3


def run_whole(workspace: Workspace, source: SourceConfig, config: PipelineConfig, wishes: Wishes, json: bool) -> None:
    """The whole pipeline over a source, and what is printed of it.

    Raises:
        typer.Exit: raw files could not be read; everything else was done.
    """
    needs("train")
    from simsong_pipeline.runs.run import run as run_pipeline

    with events() as told, observed(workspace, command_name(), told) as noting:
        summary = run_pipeline(run_of(workspace, source, config, noting.events, wishes))
        noting.outcome = in_a_line(summary)
    print_summary(workspace, summary, json)


def run_of(
    workspace: Workspace, source: SourceConfig, config: PipelineConfig, told: Events, wishes: Wishes = NO_WISHES
) -> "Run":
    """A run that begins now."""
    from simsong_pipeline.home.run import Run, open_source

    return Run(workspace, open_source(workspace, source), config, datetime.now(UTC), told, wishes)


def print_summary(workspace: Workspace, summary: "RunSummary", json: bool) -> None:
    """What was left out, and the summary in one line or object.

    Raises:
        typer.Exit: as `run_whole`.
    """
    _print_exclusions(workspace)
    record = asdict(summary)
    unreadable = record.pop("unreadable")
    if json:
        print_json(record)
    else:
        out.print(in_a_line(summary))
    if unreadable:
        err.print(f"error: {len(unreadable)} raw files could not be read; the first: {unreadable[0]}", markup=False)
        raise typer.Exit(UNREADABLE_EXIT)


def _print_exclusions(workspace: Workspace) -> None:
    exclusions = workspace.read("exclusions")
    if exclusions.height:
        err.print(f"{exclusions.height} exclusions (all in {workspace.exclusions_csv}):", markup=False)
    for row in exclusions.head(20).iter_rows(named=True):
        print_left_out(row["stage"], row["track_id"], row["reason"])
