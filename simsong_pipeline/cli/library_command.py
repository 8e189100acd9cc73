"""`simsong library`: a music folder, scanned and run over."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from simsong_pipeline.cli.console import err, events, out, print_json
from simsong_pipeline.cli.options import (
    DEFAULT_HOME,
    AcceptShrink,
    ConfigFile,
    EngineAddress,
    EngineKind,
    Home,
    Json,
    NewBuckets,
    PromoteAnyway,
    PublishAnyway,
    QdrantUrl,
    Retrain,
)
from simsong_pipeline.cli.whole_runs import run_of, run_whole
from simsong_pipeline.config import Relevance
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.wishes import Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import LIBRARY_FILES
from simsong_pipeline.sources.source import SourceConfig

if TYPE_CHECKING:
    from simsong_pipeline.sources.library.scan import Scan


def library(
    folder: Annotated[Path, typer.Argument(help="Your music: any folders, links are followed.")],
    home: Home = DEFAULT_HOME,
    relevance: Annotated[
        Relevance | None,
        typer.Option(help="What counts as similar in training and evaluation: artist or genre.", show_default="artist"),
    ] = None,
    scan_only: Annotated[
        bool, typer.Option("--scan-only", help="Read tags and lyrics, and stop before any music is decoded.")
    ] = False,
    steps: Annotated[int | None, typer.Option(help="Training steps.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of training.", min=0)] = None,
    buckets: NewBuckets = None,
    retrain: Retrain = False,
    publish_anyway: PublishAnyway = False,
    promote_anyway: PromoteAnyway = False,
    accept_shrink: AcceptShrink = False,
    config: ConfigFile = None,
    engine: EngineKind = None,
    engine_address: EngineAddress = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Your own music folder: scan tags and lyrics, then run the whole pipeline on it.

    A file that did not change since the last scan is not opened again; one that was renamed, moved or tagged anew is
    recognised by its audio and not embedded again. Copies of a recording are listed and one of them is used.
    """
    workspace = Workspace(home)
    source, wishes = SourceConfig(library=folder), Wishes(retrain, publish_anyway, promote_anyway, accept_shrink)
    if scan_only:
        workspace.settle_buckets(read_config(config, workspace.load_config(), {"home.buckets": buckets}).home.buckets)
        _scan(workspace, source, wishes, json)
        return
    changes = {
        "train.steps": steps,
        "train.head_steps": steps,
        "train.seed": seed,
        "engine.kind": engine,
        "engine.address": engine_address,
        "store.url": qdrant_url,
        "evaluation.relevance": relevance,
        "home.buckets": buckets,
    }
    settings = read_config(config, workspace.load_config(), changes)
    if settings.evaluation.relevance == "lastfm":  # which nobody asked for: a music folder has no such lists
        settings = read_config(None, settings, {"evaluation.relevance": "artist"})
    run_whole(workspace, source, settings, wishes, json)


def _scan(workspace: Workspace, source: SourceConfig, wishes: Wishes, json: bool) -> None:
    from simsong_pipeline.sources.library.source import LibrarySource, noteworthy
    from simsong_pipeline.stages.raw import refuse_shrunken

    with events() as told, workspace.lock():
        told.stage("scanning the music folder")
        run = run_of(workspace, source, workspace.load_config(), told, wishes)
        assert isinstance(run.source, LibrarySource)
        scan = run.source.scan(told.progress)
        refuse_shrunken(run, LIBRARY_FILES.name, scan.frame)
        workspace.write(LIBRARY_FILES.name, scan.frame)
    _print_scan(workspace, scan, json)
    for line in () if json else noteworthy(scan):
        out.print(line, markup=False)


def _print_scan(workspace: Workspace, scan: "Scan", json: bool) -> None:
    files = scan.frame
    usable, bad = files.filter(status="ok"), files.filter(status="invalid")
    summary = {
        "files": files.height,
        "opened": scan.opened,
        "moved": scan.moved,
        "recordings": usable["track_id"].n_unique(),
        "with_lyrics": usable.drop_nulls("lyrics")["track_id"].n_unique(),
        "with_cover": usable.filter(cover=True)["track_id"].n_unique(),
        "unreadable": bad.height,
    }
    if json:
        print_json(summary | {"unnamed": scan.unnamed, "passed_over": scan.passed_over})
        return
    out.print(", ".join(f"{value} {name.replace('_', ' ')}" for name, value in summary.items()))
    noted = usable.drop_nulls("reason")
    for path, reason in pl.concat([bad, noted]).select("path", "reason").head(20).rows():
        err.print(f"  {path}: {reason}", markup=False)
    out.print(f"all rows: {workspace.frame_path('library_files')}")
