"""`simsong split`: a home in twice as many buckets."""

from dataclasses import asdict

from simsong_pipeline.cli.console import events, out, print_json
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json
from simsong_pipeline.home.workspace import Workspace


def split(home: Home = DEFAULT_HOME, json: Json = False) -> None:
    """Split each bucket of tracks into two: 64 into 128, and so on up to 4096, for homes that have grown.

    Nothing is decoded or embedded anew. One that was interrupted is finished. With --json: an object with before,
    buckets and finished (whether it was begun by an earlier call).
    """
    from simsong_pipeline.runs.splitting import split_home

    workspace = Workspace(home)
    with events() as told:
        done = split_home(workspace, workspace.load_config(), told)
    if json:
        print_json(asdict(done))
    else:
        begun = ", as an earlier call began it" if done.finished else ""
        out.print(f"{home} is kept in {done.buckets} buckets, before: {done.before}{begun}", markup=False)
