"""`simsong fetch`: what providers are asked for, on purpose and never by the way."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, ConfigFile, Home, Json
from simsong_pipeline.pipeline.settings import read_config
from simsong_pipeline.pipeline.workspace import SourceConfig, Workspace

app = typer.Typer(help="Fetch lyrics from their provider.", no_args_is_help=True)


@app.callback()
def fetch() -> None:
    """Fetch what the raw data lack. Whose terms apply: docs/data.md."""


@app.command()
def lyrics(
    home: Home = DEFAULT_HOME,
    raw: Annotated[Path | None, typer.Option(help="Folder with msd/.", show_default="<home>/raw")] = None,
    limit: Annotated[int | None, typer.Option(help="Ask for at most so many songs now.", min=1)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked for, and ask nothing.")] = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Lyrics from Genius, one song at a time, at most one request a second. Token: GENIUS_ACCESS_TOKEN.

    Stop it at any moment and start it again: it goes on where it was. What was found, and that nothing was, is kept
    for good; what failed is asked for again the next time.
    """
    from simsong_pipeline.pipeline.fetch_stage import fetch_lyrics

    workspace = Workspace(home)
    settings = read_config(config, workspace.load_config(), {})
    with events() as told, workspace.lock():
        told.stage("asking Genius")
        source = SourceConfig(raw=raw, accept_shrink=True)  # the tracks are only looked at
        found = fetch_lyrics(workspace, source, settings, told, limit, dry_run)
    counts = _counts(found.table)
    if json:
        print_json({"asked": found.asked, "left": found.left, **{name.lower(): n for name, n, _ in counts}})
        return
    print_table(f"lyrics of {found.table.height} songs", ("status", "songs", "mean_likeness"), counts)
    failed = found.table.filter(pl.col("status").is_in(["NOT_FOUND", "BLOCKED", "TRANSIENT"]))
    for row in failed.head(20).iter_rows(named=True):
        err.print(f"  {row['status']:9} {row['track_id']}  {row['reason']}", markup=False)
    out.print(f"{found.asked} songs asked for, {found.left} left")


def _counts(table: pl.DataFrame) -> list[tuple[str, int, float | None]]:
    grouped = table.with_columns(pl.col("status").fill_null("not asked"))
    counted = grouped.group_by("status").agg(pl.len().alias("songs"), pl.col("likeness").mean().alias("likeness"))
    return counted.sort("songs", "status", descending=[True, False]).rows()
