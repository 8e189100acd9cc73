"""The sample catalogue: written alone, or with a run over it."""

from typing import Annotated

import typer

from simsong_pipeline.asking.recommend import Choice
from simsong_pipeline.cli.console import events, out, print_json
from simsong_pipeline.cli.measuring_commands import print_measured
from simsong_pipeline.cli.needed import needs
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, NewBuckets
from simsong_pipeline.cli.query_commands import print_songs
from simsong_pipeline.cli.whole_runs import run_whole
from simsong_pipeline.config import PipelineConfig, SampleConfig
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.wishes import NO_WISHES
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.providers.raw_source import run_command, source_of_tracks
from simsong_pipeline.sources.source import SourceConfig


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
    run_whole(workspace, SourceConfig(), config, NO_WISHES, json)
    with workspace.store(config.store) as store:
        songs = Songs(workspace, store, config)
        for track_id in example_songs(workspace, 3):
            answer = songs.similar([track_id], Choice(5), exclude_artist=True)
            print_songs(f"Similar to {answer.meant[0].name}", answer.neighbours, json)
    report = str(workspace.report.resolve())
    if json:
        print_json({"report": report})
        return
    print_measured(workspace, headline_only=True)
    out.print()
    out.print(f"report: {report}", markup=False)
    out.print(f"to listen: `simsong serve --home {home}`, or `make serve`, then http://127.0.0.1:8080", markup=False)
