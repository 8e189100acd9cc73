"""`simsong select`: which songs of a data set are worth fetching."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from simsong_pipeline.cli.console import events, out, print_json, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, place_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import source_of_tracks


def select(
    home: Home = DEFAULT_HOME,
    raw: Annotated[
        Path | None,
        typer.Option(
            help="Folder with msd/ and lastfm/, or its address.",
            show_default="what the last run read, or <home>/raw",
            metavar="PATH",
            parser=place_of,
        ),
    ] = None,
    size: Annotated[int, typer.Option(help="Songs to choose.", min=2)] = 2_000,
    seed: Annotated[int, typer.Option(help="Of the random songs to compare with.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Choose the densest songs of the similarity graph, so that what is fetched has neighbours. Fetches nothing."""
    from simsong_pipeline.providers.selection_stage import select_songs

    workspace = Workspace(home)
    with events() as told:
        told.stage("reading tracks and similarity")
        source = source_of_tracks(workspace, raw, is_filled=False)
        found = select_songs(workspace, source, size, seed, workspace.load_config(), told.progress)
    if json:
        print_json(asdict(found) | {"path": str(found.path)})
        return
    rows = [(name, *asdict(part).values()) for name, part in (("chosen", found.chosen), ("random", found.random))]
    columns = ("songs", "number", "mean_neighbours", "median_neighbours", "without_neighbours")
    print_table(f"{found.chosen.songs} songs by {found.artists} artists", columns, rows)
    out.print(f"track ids: {found.path}")
