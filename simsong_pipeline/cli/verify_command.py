"""`simsong verify`: is everything in a home as it was written?"""

from dataclasses import asdict

import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_json_lines
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, QdrantUrl
from simsong_pipeline.home.workspace import Workspace


def verify(home: Home = DEFAULT_HOME, qdrant_url: QdrantUrl = None, json: Json = False) -> None:
    """Look at every file of a home and at its index for damage; say of each damaged one what to do.

    Changes nothing. Exit status 1 where something is damaged. With --json: an object with file and text for each, and
    a last one with looked_at, damaged and notes.
    """
    from simsong_pipeline.runs.home_verification import verify_home

    with events() as told:
        found = verify_home(Workspace(home), qdrant_url, told)
    summary = {"looked_at": found.looked_at, "damaged": len(found.damaged), "notes": found.notes}
    if json:
        print_json_lines(asdict(damage) for damage in found.damaged)
        print_json(summary)
    else:
        for damage in found.damaged:
            err.print(f"damaged: {damage.text}")
        for note in found.notes:
            err.print(f"note: {note}")
        out.print(f"{found.looked_at} files and collections looked at, {len(found.damaged)} damaged")
    if found.damaged:
        raise typer.Exit(1)
