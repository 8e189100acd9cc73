"""Whole runs and nights, training alone, and the way back. Libraries that take seconds to import are imported by the
command that needs them."""

import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from simsong_pipeline.cli.console import err, events, out, print_json
from simsong_pipeline.cli.needed import needs
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
    place_of,
)
from simsong_pipeline.cli.whole_runs import print_summary, run_of, run_whole
from simsong_pipeline.config import VARIANTS, EncoderKind, Relevance, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.home.settings import names, read_config
from simsong_pipeline.home.wishes import Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import command_name
from simsong_pipeline.observing.observed import observed
from simsong_pipeline.runs.summary import in_a_line
from simsong_pipeline.sources.source import source_at


def run(
    home: Home = DEFAULT_HOME,
    raw: Annotated[
        Path | None,
        typer.Option(
            help="Folder with msd/, lastfm/, audio/ and lyrics/, or its address.",
            show_default="what the last run read, or <home>/raw",
            metavar="PATH",
            parser=place_of,
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a column path, and artist, title, genre where known; or its address.",
            metavar="PATH",
            parser=place_of,
        ),
    ] = None,
    relevance: Annotated[
        Relevance | None, typer.Option(help="What counts as similar in evaluation.", show_default="lastfm")
    ] = None,
    encoder: Annotated[
        EncoderKind | None,
        typer.Option(help="What songs are heard by; events: the data set's features.", show_default="the last run's"),
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Of the data set's artists, all songs of each; 0.01 to begin with.", max=1)
    ] = None,
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
    """Run the whole pipeline: read, prepare, train, export, embed, evaluate, report, index.

    What did not change since the last run is not computed again, and settings that are not given stay as they were
    in the last run. With --json the last line is one object:
    tracks, excluded, copies, embedded, unchanged, upserted, seconds; a song counts once, whatever the variants.
    """
    if raw is not None and manifest is not None:
        raise typer.BadParameter("give --raw or --manifest, not both")
    changes = {
        "encoder.kind": encoder,
        "catalogue.share": share,
        "evaluation.relevance": relevance,
        "train.steps": steps,
        "train.head_steps": steps,
        "train.seed": seed,
        "engine.kind": engine,
        "engine.address": engine_address,
        "store.url": qdrant_url,
        "home.buckets": buckets,
    }
    workspace = Workspace(home)
    settings = read_config(config, workspace.load_config(), changes)
    # Where nothing is named, what the home's last run read.
    source = workspace.load_source() if raw is None and manifest is None else source_at(raw, manifest)
    named = encoder is not None or names(config, "encoder.kind")
    run_whole(workspace, source, settings, Wishes(retrain, publish_anyway, promote_anyway, accept_shrink, named), json)


def train(
    home: Home = DEFAULT_HOME,
    variant: Annotated[Variant | None, typer.Option(help="Variant to train; both by default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of training.", min=0)] = None,
    promote_anyway: PromoteAnyway = False,
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Train again on the catalogue of the last run. Under torchrun the processes share the work.

    The next `simsong run` with the same configuration exports the new weights and embeds with them.
    """
    needs("train")
    from simsong_pipeline.learning.training.processes import is_first_process
    from simsong_pipeline.stages.training_data import read_training_frames
    from simsong_pipeline.stages.training_stage import train_variant

    workspace = Workspace(home)
    settings = read_config(
        config, workspace.load_config(), {"train.steps": steps, "train.head_steps": steps, "train.seed": seed}
    )
    first = is_first_process()
    with events(quiet=not first) as told, workspace.lock() if first else nullcontext():
        wishes = Wishes(retrain=True, promote_anyway=promote_anyway)
        run = run_of(workspace, workspace.load_source(), settings, told, wishes)
        for name in VARIANTS if variant is None else (variant,):
            told.stage(f"training {name.upper()}")
            outcome = train_variant(run, name, read_training_frames(workspace))
            if outcome.verdict:
                told.note(outcome.verdict)
            if json and first:
                print_json({"variant": name, **outcome.figures()})
            told.note(", ".join(f"{field} {value:.4g}" for field, value in outcome.figures().items()))
        if first:
            workspace.save_config(settings)


def refresh(
    home: Home = DEFAULT_HOME,
    publish_anyway: PublishAnyway = False,
    accept_shrink: AcceptShrink = False,
    engine: EngineKind = None,
    engine_address: EngineAddress = None,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Embed and index what is new, changed or gone since the last run, by the present models: a night's work.

    Reads the raw data, the manifest or the music folder of the last `run` or `library`. Nothing is trained or measured.
    """
    from simsong_pipeline.runs.night import refresh as refresh_index

    workspace = Workspace(home)
    changes = {"engine.kind": engine, "engine.address": engine_address, "store.url": qdrant_url}
    settings = read_config(None, workspace.load_config(), changes)
    wishes = Wishes(publish_anyway=publish_anyway, accept_shrink=accept_shrink)
    with events() as told, observed(workspace, command_name(), told) as noting:
        summary = refresh_index(run_of(workspace, workspace.load_source(), settings, noting.events, wishes))
        noting.outcome = in_a_line(summary)
    print_summary(workspace, summary, json)


def rollback(
    home: Home = DEFAULT_HOME,
    variant: Annotated[Variant | None, typer.Option(help="Only this one; by default all that have one.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Go forward again without being asked.")] = False,
    qdrant_url: QdrantUrl = None,
    json: Json = False,
) -> None:
    """Serve by the previous model again, and by its collection. A second rollback asks, and goes forward again.

    One that was interrupted is finished. Nothing is embedded anew; the next run embeds what came since that model was
    replaced.
    """
    from simsong_pipeline.runs.rollback_stage import can_roll_back, goes_forward, roll_back

    workspace = Workspace(home)
    config = read_config(None, workspace.load_config(), {"store.url": qdrant_url})
    wanted = [variant] if variant is not None else [v for v in VARIANTS if can_roll_back(workspace, v)]
    if not wanted:
        raise ModelError(f"no model in {home} has one before it: nothing to go back to")
    if not yes and goes_forward(workspace, wanted):
        _ask_to_go_forward(home)
    for done in roll_back(workspace, wanted, config):
        if json:
            print_json(asdict(done))
        else:
            out.print(
                f"{done.variant.upper()} is served by {done.collection} again ({done.songs} songs), before: "
                f"{done.before}"
            )


def _ask_to_go_forward(home: Path) -> None:
    """Whoever ran a rollback twice may not know that the first was complete."""
    if not sys.stdin.isatty():
        raise ModelError(
            f"{home} was rolled back already, and that is complete: nothing was changed. --yes goes forward again"
        )
    err.print(f"{home} was rolled back already, and that is complete.", markup=False)
    if not typer.confirm("Go forward again, to the model that was rolled back from?", err=True):
        raise ModelError("nothing was changed")
