"""`simsong link`: which songs of a music server are which of the home's."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from simsong_pipeline.cli.console import err, events, out, print_json, print_json_lines, print_table
from simsong_pipeline.cli.options import DEFAULT_HOME, Home, Json
from simsong_pipeline.errors import SimSongError
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.links import Link, drop_link, links_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import SERVER_LISTS, empty

if TYPE_CHECKING:
    from simsong_pipeline.linking.link import Linked, Offered

_SHOWN = 10


def link(
    url: Annotated[
        str | None, typer.Argument(help="Of Navidrome or another Subsonic server; the one that is linked by default.")
    ] = None,
    home: Home = DEFAULT_HOME,
    songs: Annotated[
        Path | None,
        typer.Option(help="Of a server of another kind, which is not asked: its list of songs (JSON or CSV)."),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget the server and its songs' ids.")] = False,
    json: Json = False,
) -> None:
    """Match a music server's songs with the home's, so that players get its ids, and take its playlists and stars.

    Songs are matched by path, MusicBrainz id, or artist, title, album and length. SIMSONG_SUBSONIC_USER and
    SIMSONG_SUBSONIC_PASSWORD, or SIMSONG_SUBSONIC_KEY, let SimSong in. Run it again after a night.
    """
    from simsong_pipeline.linking.link import link as link_home
    from simsong_pipeline.linking.subsonic import address_of
    from simsong_pipeline.service.file_tags import file_tags

    def read_id(path: Path, modified_ns: int) -> str | None:
        return file_tags(path, modified_ns).musicbrainz_id

    workspace = Workspace(home)
    address = known_address(workspace) if url is None else address_of(url)
    if forget:
        _forget(workspace, address)
        return
    workspace.read("tracks")  # says so before anybody is asked
    with events() as told, workspace.provider_lock("link"):
        offered = _asked(address, told) if songs is None else _listed(address, songs)
        linked = link_home(workspace, offered, datetime.now(UTC), read_id, told)
    if json:
        counts = {name: value for name, value in asdict(linked).items() if name not in ("unlinked", "table")}
        print_json({**counts, "table": str(linked.table)})
        print_json_lines(linked.unlinked.iter_rows(named=True))
    else:
        _print(linked)


def _asked(address: str, told: Events) -> "Offered":
    from simsong_pipeline.linking.credentials import read_credentials
    from simsong_pipeline.linking.link import offered_by
    from simsong_pipeline.linking.subsonic import SubsonicServer

    with SubsonicServer(address, read_credentials(), told.note) as server:
        return offered_by(server, told)


def _listed(address: str, songs: Path) -> "Offered":
    from simsong_pipeline.linking.link import Offered
    from simsong_pipeline.linking.song_lists import read_songs

    return Offered(Link(address=address, is_subsonic=False), read_songs(songs), empty(SERVER_LISTS))


def known_address(workspace: Workspace) -> str:
    """Of the server that was linked last.

    Raises:
        SimSongError: none was.
    """
    present = links_of(workspace).present
    if present is None:
        raise SimSongError(f"no server is linked to {workspace.home}: `simsong link http://host:port`")
    return present


def _forget(workspace: Workspace, address: str) -> None:
    if not drop_link(workspace, address):
        raise SimSongError(f"{address} is not linked to {workspace.home}")
    out.print(f"{address} is forgotten")


def _print(linked: "Linked") -> None:
    rows = [
        ("by path", linked.by_path),
        ("by MusicBrainz id", linked.by_musicbrainz),
        ("by names and length", linked.by_names),
        ("not in SimSong", linked.not_here),
    ]
    print_table(f"{linked.songs} songs of {linked.address}", ("matched", "songs"), rows)
    out.print(f"songs of SimSong that are not on the server: {linked.not_there}")
    out.print(f"for the report card: playlists {linked.playlists}, starred songs {linked.starred}")
    counts = (
        linked.unlinked.group_by("side", "reason").len().sort("side", "len", "reason", descending=[False, True, False])
    )
    for side, reason, songs in counts.rows():
        err.print(f"  {songs} of {'SimSong' if side == 'simsong' else 'the server'}: {reason}")
    for row in linked.unlinked.filter(pl.col("side") == "server").head(_SHOWN).iter_rows(named=True):
        err.print(f"    {row['artist'] or '?'} - {row['title'] or '?'} ({row['path'] or row['id']})")
    if linked.unlinked.height:
        err.print(f"all of them, with the reason: {linked.table}")
