"""`simsong playlist`: playlists for the music server that is linked."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from simsong_pipeline.cli.console import err, events, out, print_json
from simsong_pipeline.cli.link_command import known_address
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json
from simsong_pipeline.cli.remote_home import at_its_home
from simsong_pipeline.cli.stopping import stoppable
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.home.links import links_of
from simsong_pipeline.home.song_paths import songs_by_path
from simsong_pipeline.home.workspace import Workspace

app = typer.Typer(help="Playlists for the linked music server.", no_args_is_help=True)


@app.callback()
def playlist() -> None:
    """Playlists for the linked music server."""


@app.command()
@stoppable
@at_its_home
def push(
    files: Annotated[
        list[Path], typer.Argument(help="Playlists of the home's recordings, as `--out` of a question writes them.")
    ],
    home: Home = DEFAULT_HOME,
    name: Annotated[str | None, typer.Option(help="What the server calls it.", show_default="as the file")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also a playlist of that name that SimSong did not put there.")
    ] = False,
    json: Json = False,
) -> None:
    """Put playlists onto the server of `simsong link`; one of the same name that SimSong put there is replaced."""
    from simsong_pipeline.linking.credentials import read_credentials
    from simsong_pipeline.linking.pushing import push as push_songs
    from simsong_pipeline.linking.subsonic import SubsonicServer
    from simsong_pipeline.sources.playlists import read_playlist

    if name is not None and len(files) > 1:
        raise RawDataError("one name for several playlists: push them one by one")
    workspace = Workspace(home)
    address = known_address(workspace)
    lists = [read_playlist(path) for path in files]
    at = songs_by_path(workspace)
    with events(quiet=True) as told, SubsonicServer(address, read_credentials(), told.note) as server:
        for found in lists:
            songs = [at[str(path)] for path in found.paths if str(path) in at]
            unknown = [str(path) for path in found.paths if str(path) not in at]
            link = links_of(workspace).servers[address]
            pushed = push_songs(workspace, link, server, name or found.name, songs, replace)
            if json:
                print_json({**asdict(pushed), "unknown": unknown})
                continue
            done = "new" if pushed.is_new else "as it is now"
            out.print(f"{pushed.name}: {pushed.sent} songs on {address} ({done})")
            for track_id in pushed.missing:
                err.print(f"  not on the server: {track_id}")
            for path in unknown:
                err.print(f"  not in SimSong: {path}")
