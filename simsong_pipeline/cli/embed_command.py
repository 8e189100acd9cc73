"""`simsong embed`: the part of a first run that several machines can share."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from simsong_pipeline.buckets import Buckets
from simsong_pipeline.cli.console import events, out, print_json
from simsong_pipeline.cli.options import DEFAULT_HOME, ConfigFile, Home, Json
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace

INDEX = "JOB_COMPLETION_INDEX"


def embed(
    home: Home = DEFAULT_HOME,
    buckets: Annotated[
        str | None, typer.Option(help="Of the home's buckets: 0-15, or 3,7,20-23.", show_default=f"by {INDEX}")
    ] = None,
    parts: Annotated[
        int | None,
        typer.Option(
            help=f"Without --buckets: the machines that share the work; {INDEX} is this one.",
            min=1,
            show_default="one for each bucket",
        ),
    ] = None,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Decode, hear and embed the songs of some buckets, of the raw data that the home's last run or scan read.

    Several may run at once over one home, each with buckets of its own: an Indexed Job of Kubernetes, or an array of
    Slurm with JOB_COMPLETION_INDEX=$SLURM_ARRAY_TASK_ID. `simsong run` or `simsong refresh` then takes all of it over.
    """
    from simsong_pipeline.home.run import Run, open_source
    from simsong_pipeline.runs.bucket_work import work_on_buckets

    workspace = Workspace(home)
    settings = read_config(config, workspace.load_config(), {})
    workspace.settle_buckets(settings.home.buckets)
    known = workspace.buckets
    chosen = share_of(os.environ.get(INDEX), parts, known) if buckets is None else parsed(buckets, known)
    with events() as told:
        source = open_source(workspace, workspace.load_source())
        done = work_on_buckets(Run(workspace, source, settings, datetime.now(UTC), told), chosen)
    if json:
        print_json(asdict(done))
    else:
        counts = f"{done.songs} songs, {done.decoded} decoded, {done.usable} usable, {done.lyrics} lyrics embedded"
        out.print(f"{len(done.buckets)} buckets: {counts}, {done.embedded} songs embedded")


def parsed(text: str, known: Buckets) -> list[int]:
    """Bucket numbers of a list like "0-15" or "3,7,20-23"."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise typer.BadParameter(f"--buckets {text}: numbers and ranges are needed, 0-15 or 3,7,20-23 say")
        # One beyond the last is enough to be refused, however far a range goes.
        numbers |= set(range(int(first), min(int(last if dash else first), known.count) + 1))
    if not numbers or max(numbers) >= known.count:
        raise typer.BadParameter(f"--buckets {text}: there are {known.count} buckets, 0 to {known.count - 1}")
    return sorted(numbers)


def share_of(index: str | None, machines: int | None, known: Buckets) -> list[int]:
    """The buckets of one of so many machines: every so manyth, from its number on. A bucket each where null."""
    parts = known.count if machines is None else machines
    if parts > known.count:
        raise typer.BadParameter(f"--parts {parts}: there are {known.count} buckets to share")
    if index is None:
        raise typer.BadParameter(f"say --buckets, or set {INDEX} to this machine's number (0 to {parts - 1})")
    if not index.isdecimal() or int(index) >= parts:
        raise typer.BadParameter(f"{INDEX} is {index!r}: a number from 0 to {parts - 1} is needed (--parts {parts})")
    return list(known.numbers[int(index) :: parts])
