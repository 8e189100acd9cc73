"""`simsong verify`: is everything in a home as it was written?"""

from dataclasses import asdict

import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_json_lines
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, QdrantUrl
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace


def verify(home: Home = DEFAULT_HOME, qdrant_url: QdrantUrl = None, json: Json = False) -> None:
    """Look at every file of a home and at its index for damage; say of each damaged one what to do.

    Changes nothing. Exit status 1 where something is damaged. With --json: an object with file and text for each, and
    a last one with looked_at, damaged and notes.
    """
    from simsong_pipeline.runs.index_verification import verify_index
    from simsong_pipeline.runs.verification import Findings, known_config, verify_files

    workspace = Workspace(home)
    if not (home / "frames").is_dir():
        raise RawDataError(f"nothing is known under {home} yet: run `simsong run` first")
    with events() as told, workspace.lock():
        found = Findings()
        config = read_config(None, known_config(workspace, found), {"store.url": qdrant_url})
        told.stage("reading all files")
        verify_files(workspace, config, found, told.progress)
        told.stage("comparing the index")
        verify_index(workspace, config, found, told.progress)
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
