"""`simsong doctor`: what is installed and what answers."""

from dataclasses import asdict

import typer

from simsong_pipeline.cli.console import print_json_lines, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, QdrantUrl
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace


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
