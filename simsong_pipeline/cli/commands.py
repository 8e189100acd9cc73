"""The commands. Libraries that take seconds to import are imported by the command that needs them."""

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.cli.console import (
    err,
    events,
    out,
    print_json,
    print_json_lines,
    print_left_out,
    print_metrics,
    print_table,
)
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
from simsong_pipeline.cli.query_commands import print_songs
from simsong_pipeline.config import VARIANTS, EncoderKind, PipelineConfig, Relevance, SampleConfig, Variant
from simsong_pipeline.errors import ModelError
from simsong_pipeline.evaluation.quality import HOW_TO_MEASURE, UNMEASURED
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.settings import names, read_config
from simsong_pipeline.home.wishes import NO_WISHES, Wishes
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.locks import command_name
from simsong_pipeline.observing.observed import observed
from simsong_pipeline.providers.raw_source import run_command, source_of_tracks
from simsong_pipeline.runs.summary import in_a_line
from simsong_pipeline.schemas import LIBRARY_FILES
from simsong_pipeline.sources.source import SourceConfig, source_at

if TYPE_CHECKING:
    from simsong_pipeline.home.run import Run
    from simsong_pipeline.runs.summary import RunSummary
    from simsong_pipeline.sources.library.scan import Scan

UNREADABLE_EXIT = 3


def sample(
    home: Home = DEFAULT_HOME,
    songs: Annotated[int, typer.Option(help="Songs to write.", min=8)] = SampleConfig().songs,
    artists: Annotated[int, typer.Option(help="Artists they are by.", min=4)] = SampleConfig().artists,
    styles: Annotated[int, typer.Option(help="Musical styles.", min=2)] = SampleConfig().styles,
    seed: Annotated[int, typer.Option(help="Same seed, same catalogue.", min=0)] = 0,
    faults: Annotated[bool, typer.Option(help="Plant one of each fault that real data have.")] = True,
    features_only: Annotated[
        bool, typer.Option("--features-only", help="Without recordings: what the data set's files say of their sound.")
    ] = False,
    json: Json = False,
) -> None:
    """Write a procedural sample catalogue in the raw formats: music, lyrics, similarity. No network."""
    from simsong_pipeline.sources.sample.generate import write_sample

    workspace = Workspace(home)
    drawn = SampleConfig(songs=songs, artists=artists, styles=styles, seed=seed, faults=faults)
    config = drawn.model_copy(update={"recordings": not features_only})
    with events() as told:
        told.stage("composing and encoding songs")
        catalogue = write_sample(workspace.raw, config, told.progress)
    summary = {"folder": str(workspace.raw), "songs": len(catalogue.tracks), "artists": artists, "seed": seed}
    if json:
        print_json(summary)
    else:
        out.print(f"{songs} songs by {artists} artists written to {workspace.raw}; next:")
        out.print(str(run_command(workspace, source_of_tracks(workspace, workspace.raw))), markup=False, soft_wrap=True)


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
    _run(workspace, source, settings, Wishes(retrain, publish_anyway, promote_anyway, accept_shrink, named), json)


def _run(workspace: Workspace, source: SourceConfig, config: PipelineConfig, wishes: Wishes, json: bool) -> None:
    needs("train")
    from simsong_pipeline.runs.run import run as run_pipeline

    with events() as told, observed(workspace, command_name(), told) as noting:
        summary = run_pipeline(_run_of(workspace, source, config, noting.events, wishes))
        noting.outcome = in_a_line(summary)
    _print_summary(workspace, summary, json)


def _run_of(
    workspace: Workspace, source: SourceConfig, config: PipelineConfig, told: Events, wishes: Wishes = NO_WISHES
) -> "Run":
    from simsong_pipeline.home.run import Run, open_source

    return Run(workspace, open_source(workspace, source), config, datetime.now(UTC), told, wishes)


def _print_summary(workspace: Workspace, summary: "RunSummary", json: bool) -> None:
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
    _run(workspace, source, settings, wishes, json)


def _scan(workspace: Workspace, source: SourceConfig, wishes: Wishes, json: bool) -> None:
    from simsong_pipeline.sources.library.source import LibrarySource, noteworthy
    from simsong_pipeline.stages.raw import refuse_shrunken

    with events() as told, workspace.lock():
        told.stage("scanning the music folder")
        run = _run_of(workspace, source, workspace.load_config(), told, wishes)
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
        run = _run_of(workspace, workspace.load_source(), settings, told, wishes)
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


def demo(
    home: Home = DEFAULT_HOME,
    seed: Annotated[int, typer.Option(help="Seed of the sample.", min=0)] = 0,
    buckets: NewBuckets = None,
    json: Json = False,
) -> None:
    """Sample catalogue, whole pipeline, a few similar-song queries, and where the report lies.

    With --json: the object of `run`, one object per neighbour, and an object with the report's path.
    """
    needs("train")  # before the sample is composed
    from simsong_pipeline.asking.queries import Songs, example_songs
    from simsong_pipeline.stages.raw import ensure_raw

    workspace, config = Workspace(home), read_config(None, PipelineConfig(), {"home.buckets": buckets})
    with events() as told:
        told.stage("composing and encoding songs")
        if not ensure_raw(workspace, SourceConfig(), SampleConfig(seed=seed), told.progress):
            told.note(f"{workspace.raw} is there already")
    _run(workspace, SourceConfig(), config, NO_WISHES, json)
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config)
        for track_id in example_songs(workspace, 3):
            answer = songs.similar([track_id], Choice(5), exclude_artist=True)
            print_songs(f"Similar to {answer.meant[0].name}", answer.neighbours, json)
    report = str(workspace.report.resolve())
    if json:
        print_json({"report": report})
        return
    _print_metrics(workspace, headline_only=True)
    out.print()
    out.print(f"report: {report}", markup=False)
    out.print(f"to listen: `simsong serve --home {home}`, or `make serve`, then http://127.0.0.1:8080", markup=False)


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
        summary = refresh_index(_run_of(workspace, workspace.load_source(), settings, noting.events, wishes))
        noting.outcome = in_a_line(summary)
    _print_summary(workspace, summary, json)


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


def evaluate(home: Home = DEFAULT_HOME, json: Json = False) -> None:
    """Recall@10, Precision@10 and the others of every method, with chance, oracle and 95 % interval.

    Measures the vectors of the last run on test artists that no model was trained on, and writes the report. Where no
    test song is known to be like another there is nothing to measure, and no figure is printed.
    """
    needs("train")
    from simsong_pipeline.runs.run import evaluate_again

    workspace = Workspace(home)
    config = workspace.load_config()
    workspace.read("metrics")  # says so where there was no run yet
    with events() as told:
        metrics = evaluate_again(workspace, config, told)
    if not metrics.height:
        err.print(f"{UNMEASURED}. {HOW_TO_MEASURE}")
    if json:
        print_json_lines(metrics.iter_rows(named=True))
        return
    if metrics.height:
        _print_metrics(workspace, headline_only=False)
    out.print(f"report: {workspace.report.resolve()}")


def report_card(
    home: Home = DEFAULT_HOME,
    playlists: Annotated[
        Path | None, typer.Option(help="A playlist (m3u, pls, xspf, wpl), or a folder of them, over the indexed files.")
    ] = None,
    max_songs: Annotated[int, typer.Option(help="A larger library is sampled.", min=10)] = 3_000,
    json: Json = False,
) -> None:
    """Does it beat chance on your music? Asks playlists, albums, artists and Last.fm; writes one page.

    Only songs that the model was not trained on are asked about.
    """
    needs("train")
    from simsong_pipeline.sources.playlists import read_playlists
    from simsong_pipeline.stages.card_stage import write_card

    workspace = Workspace(home)
    with events() as told, workspace.lock():
        told.stage("reading playlists")
        lists = [] if playlists is None else read_playlists(playlists, told.note)
        card = write_card(workspace, workspace.load_config(), lists, max_songs, told)
    if json:
        print_json_lines(card.metrics.iter_rows(named=True))
        return
    print_table("Does it beat chance on your music?", ("belonging together by", "answer"), list(card.verdicts.items()))
    out.print(f"report card: {card.path.resolve()}")


def _print_metrics(workspace: Workspace, headline_only: bool) -> None:
    metrics = workspace.read("metrics")
    for protocol in metrics["protocol"].unique(maintain_order=True).to_list()[: 1 if headline_only else None]:
        rows = metrics.filter(protocol=protocol)
        if headline_only:
            rows = rows.filter(metric=rows["metric"][0])
        title = f"{protocol.replace('_', ' ')}, {rows['queries'][0]} queries on artists never trained on"
        for metric in rows["metric"].unique(maintain_order=True):
            print_metrics(f"{metric.replace('_', ' ')}, {title}", rows.filter(metric=metric))
    out.print("In brackets: the interval that holds the value 95 times in 100. Chance: a random order. Best: the most")
    out.print("possible. Over timbre, over start: what is gained on MFCC alone, and on the untrained model.")


def doctor(home: Home = DEFAULT_HOME, qdrant_url: QdrantUrl = None, json: Json = False) -> None:
    """What is installed, which provider runs, whether both ONNX runtimes clash, whether Qdrant answers."""
    from simsong_pipeline.cli.diagnosis import diagnose

    workspace = Workspace(home)
    config = read_config(None, workspace.load_config(), {"store.url": qdrant_url})
    findings = diagnose(workspace, config)
    if json:
        print_json_lines(asdict(f) for f in findings)
    else:
        print_table("SimSong doctor", ("check", "state", "detail"), [(f.check, f.state, f.detail) for f in findings])
    if any(f.state == "problem" for f in findings):
        raise typer.Exit(1)


ALL = (sample, run, library, select, train, demo, evaluate, report_card, refresh, rollback, doctor)
