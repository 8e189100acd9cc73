"""`simsong backup` and `simsong restore`: a home and its index, whole, to a folder and back."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from simsong_pipeline.cli.console import events, out, print_json
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json, QdrantUrl
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.settings import read_config
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.remote.address import is_url

Target = Annotated[str, typer.Argument(metavar="TARGET", help="A folder that is not there yet.", show_default=False)]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="The folder of a backup.", show_default=False)]
WithoutIndex = Annotated[
    bool, typer.Option("--without-index", help="Leave the index out: `simsong refresh` makes it anew.")
]


def backup(
    target: Target,
    home: Home = DEFAULT_HOME,
    qdrant_url: QdrantUrl = None,
    without_index: WithoutIndex = False,
    json: Json = False,
) -> None:
    """Write a home and its index to a folder, whole and of one moment.

    The home is held meanwhile, as by a run. Of a Qdrant server's index the snapshots are fetched. Each file's SHA-256
    is kept, and the folder appears when all is there. No key or password is in it; pretrained models are not either.

    With --json: an object with backup, files, bytes, index and collections.
    """
    from simsong_pipeline.runs.backup import back_up

    folder, workspace = _folder(target), Workspace(home)
    config = read_config(None, workspace.load_config(), {"store.url": qdrant_url})
    with events() as told:
        made = back_up(workspace, config, folder, not without_index, datetime.now(UTC), told)
    if json:
        print_json(asdict(made))
        return
    index = {"home": ", the index among them", "none": ", without the index"}.get(made.index, "")
    snapshots = f", with {len(made.collections)} collections of the server" if made.collections else ""
    out.print(f"{made.files} files, {made.bytes / 1e6:,.1f} MB{index}{snapshots}: {made.backup}")


def restore(
    source: Source,
    home: Home = DEFAULT_HOME,
    qdrant_url: QdrantUrl = None,
    replace: Annotated[bool, typer.Option("--replace", help="Put it in place of what is there.")] = False,
    without_index: WithoutIndex = False,
    json: Json = False,
) -> None:
    """Make a backup the home again, and its collections the server's.

    Every file is compared with its SHA-256 first; a damaged backup changes nothing. The home appears at once, and no
    alias of a server leads to a collection that is not whole.

    With --json: an object with home, made, files, index and collections.
    """
    from simsong_pipeline.runs.restore import restore as put_back

    with events() as told:
        done = put_back(_folder(source), home, qdrant_url, replace, not without_index, told)
    if json:
        print_json(asdict(done))
        return
    index = "; `simsong refresh` makes the index" if done.index == "none" else ""
    out.print(f"{done.files} files as of {done.made} in {done.home}{index}; `simsong verify` looks at all of it")


def _folder(place: str) -> Path:
    if is_url(place):
        raise RawDataError(
            f"{place} is an address, and a backup is a folder: name one on a disk, and copy it by the store's own means"
        )
    return Path(place)
