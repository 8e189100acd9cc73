"""`simsong fetch`: what providers are asked for, on purpose and never by the way."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, ConfigFile, Home, Json, place_of
from simsong_pipeline.cli.remote_home import at_its_home
from simsong_pipeline.cli.stopping import stoppable
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import run_command, source_of_tracks
from simsong_pipeline.sources.raw_folder import RawFolder

if TYPE_CHECKING:
    from simsong_pipeline.providers.fetching import Fetched

app = typer.Typer(help="Fetch recordings and lyrics from their providers.", no_args_is_help=True)
Raw = Annotated[
    Path | None,
    typer.Option(
        help="Folder with msd/.", show_default="what the last run read, or <home>/raw", metavar="PATH", parser=place_of
    ),
]
Limit = Annotated[int | None, typer.Option(help="Ask for at most so many songs now.", min=1)]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say how many would be asked for, and ask nothing.")]
Again = Annotated[bool, typer.Option("--again", help="Also ask again for what was not found before.")]
Seed = Annotated[int, typer.Option(help="Of the pauses' jitter.")]
_SHOWN = 20


@app.callback()
def fetch() -> None:
    """Fetch what the raw data lack. Whose terms apply: docs/data.md.

    Stop at any moment and start again: it goes on where it was.
    """


@app.command()
@stoppable
@at_its_home
def lyrics(
    home: Home = DEFAULT_HOME,
    raw: Raw = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    again: Again = False,
    seed: Seed = 0,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Lyrics from Genius, one song at a time, at most one request a second. Token: GENIUS_ACCESS_TOKEN.

    What was found, and that nothing was, is kept for good; what failed is asked for again the next time.
    """
    from simsong_pipeline.providers.fetching import Portion
    from simsong_pipeline.providers.lyric_fetching import fetch_lyrics

    def ask(settings: PipelineConfig, told: Events) -> "Fetched":
        return fetch_lyrics(workspace, source, settings, told, Portion(limit, dry_run, again, seed=seed))

    workspace = Workspace(home)
    source = source_of_tracks(workspace, raw)
    _report("lyrics", "Genius", workspace, source, config, json, ask)


@app.command()
@stoppable
@at_its_home
def audio(
    home: Home = DEFAULT_HOME,
    raw: Raw = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    again: Again = False,
    accept_terms: Annotated[
        bool, typer.Option("--accept-terms", help="You have read docs/data.md and may fetch these recordings.")
    ] = False,
    seed: Seed = 0,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Recordings from YouTube by yt-dlp (`pip install 'simsong[youtube]'`), kept as 16 kHz mono.

    Of a search's videos the one is taken that is surely the song, by title, artist, length and channel; live, cover
    and other versions never are. What was found, and that nothing was, is kept for good; what failed is asked for
    again.
    """
    from simsong_pipeline.providers.audio_fetching import fetch_audio
    from simsong_pipeline.providers.fetching import Portion

    def ask(settings: PipelineConfig, told: Events) -> "Fetched":
        return fetch_audio(workspace, source, settings, told, Portion(limit, dry_run, again, seed=seed), accept_terms)

    workspace = Workspace(home)
    source = source_of_tracks(workspace, raw)
    _report("recordings", "YouTube", workspace, source, config, json, ask)


def _report(
    what: str,
    provider: str,
    workspace: Workspace,
    source: RawFolder,
    config: Path | None,
    json: bool,
    ask: Callable[[PipelineConfig, Events], "Fetched"],
) -> None:
    settings = read_config(config, workspace.load_config(), {})
    with events() as told, workspace.provider_lock(provider):
        told.stage("looking for what is missing")
        found = ask(settings, told)
    counts = _counts(found.table)
    if json:
        print_json({"asked": found.asked, "left": found.left, **{name.lower(): n for name, n, _ in counts}})
        return
    print_table(f"{what} of {found.table.height} songs", ("status", "songs", "mean_likeness"), counts)
    matches = found.table.filter(pl.col("matched").is_not_null()).sort("likeness").head(_SHOWN)
    if matches.height:
        columns = [c for c in ("likeness", "runner_up", "matched", "channel", "track_id") if c in matches.columns]
        print_table("the least sure matches", columns, matches.select(columns).rows())
    failed = found.table.filter(pl.col("status").is_in(["NOT_FOUND", "UNAVAILABLE", "BLOCKED", "TRANSIENT"]))
    for row in failed.head(_SHOWN).iter_rows(named=True):
        err.print(f"  {row['status']:11} {row['track_id']}  {row['reason']}", markup=False)
    if failed.height > _SHOWN:
        err.print(f"  and {failed.height - _SHOWN} more: each has its reason in its own file")
    out.print(f"{found.asked} songs asked for, {found.left} left")
    following = run_command(workspace, source) if found.asked else None
    if following is not None:
        out.print(f"next: {following}", markup=False, soft_wrap=True)


def _counts(table: pl.DataFrame) -> list[tuple[str, int, float | None]]:
    grouped = table.with_columns(pl.col("status").fill_null("not asked")).group_by("status")
    counted = grouped.agg(pl.len().alias("songs"), pl.col("likeness").mean().alias("likeness"))
    return counted.sort("songs", "status", descending=[True, False]).rows()
