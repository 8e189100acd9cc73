"""How good the model is: measured on test artists, and by what lies in playlists and albums."""

from pathlib import Path
from typing import Annotated

import typer

from simsong_pipeline.cli.console import err, events, out, print_json_lines, print_metrics, print_table
from simsong_pipeline.cli.needed import needs
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json
from simsong_pipeline.evaluation.quality import HOW_TO_MEASURE, UNMEASURED
from simsong_pipeline.home.workspace import Workspace


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
        print_measured(workspace, headline_only=False)
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


def print_measured(workspace: Workspace, headline_only: bool) -> None:
    """The figures of the last run.

    Args:
        headline_only: of the first protocol the first metric alone.
    """
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
