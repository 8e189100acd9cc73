"""`simsong playlist`: playlists for the music server that is linked."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from simsong_pipeline.linking.pushing import Pushed

app = typer.Typer(help="Playlists for the linked music server.", no_args_is_help=True)


@app.callback()
def playlist() -> None:
    """Playlists for the linked music server."""


@app.command()
@stoppable
@at_its_home
def push(
    playlists: Annotated[
        list[str],
        typer.Argument(help="Names of kept playlists, or files of the home's recordings, as `--out` writes them."),
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

    if name is not None and len(playlists) > 1:
        raise RawDataError("one name for several playlists: push them one by one")
    workspace = Workspace(home)
    address = known_address(workspace)
    if not links_of(workspace).servers[address].is_subsonic:
        raise RawDataError(f"{address} was linked by a list of its songs, and cannot be asked: make an .m3u8 for it")
    found = [_songs_of(workspace, words) for words in playlists]
    with events(quiet=True) as told, SubsonicServer(address, read_credentials(), told.note) as server:
        for called, songs, unknown in found:
            link = links_of(workspace).servers[address]
            pushed = push_songs(workspace, link, server, name or called, songs, replace)
            if json:
                print_json({**asdict(pushed), "unknown": unknown})
            else:
                _print(pushed, address, unknown)


def _songs_of(workspace: Workspace, words: str) -> tuple[str, list[str], list[str]]:
    """Name, track ids, and paths that are no song of the home: of a playlist's file, else of one that is kept.

    Raises:
        RawDataError: it is neither.
    """
    from simsong_pipeline.service.playlists import Playlists
    from simsong_pipeline.sources.playlists import read_playlist

    if Path(words).is_file():
        read, at = read_playlist(Path(words)), songs_by_path(workspace)
        paths = [str(path) for path in read.paths]
        return read.name, [at[path] for path in paths if path in at], [path for path in paths if path not in at]
    kept = [one for one in Playlists(workspace).all() if words in (one.kept.name, one.id)]
    if len(kept) == 1:
        return kept[0].kept.name, kept[0].kept.songs, []
    if kept:
        raise RawDataError(
            f"{len(kept)} playlists are called {words!r}; name one by its id:", *(one.id for one in kept)
        )
    raise RawDataError(f"{words!r} is neither a playlist's file nor the name of a kept one")


def _print(pushed: "Pushed", address: str, unknown: list[str]) -> None:
    out.print(f"{pushed.name}: {pushed.sent} songs on {address} ({'new' if pushed.is_new else 'as it is now'})")
    for track_id in pushed.missing:
        err.print(f"  not on the server: {track_id}")
    for path in unknown:
        err.print(f"  not in SimSong: {path}")
