"""Puts a playlist onto a linked server, in place of the one of that name that SimSong put there before."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from simsong_pipeline.home.links import Link, external_ids, keep_link
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.linking.server_songs import playlist_songs, playlists
from simsong_pipeline.linking.subsonic import ServerError, SubsonicServer

_REMARK = "by SimSong"


@dataclass(frozen=True)
class Pushed:
    """A playlist on a server.

    Attributes:
        sent: how many songs it has there.
        missing: track ids of the songs that the server has not got.
        is_new: whether there was none before.
    """

    name: str
    playlist_id: str
    sent: int
    missing: list[str]
    is_new: bool


def push(
    workspace: Workspace, link: Link, server: SubsonicServer, name: str, track_ids: Sequence[str], replace: bool = False
) -> Pushed:
    """The songs that the server has, in order, under a name; a second time changes nothing.

    Args:
        replace: also a playlist of that name that SimSong did not put there.

    Raises:
        ServerError: the server refuses; it has a playlist of that name which is somebody's own, or several; or it has
            none of the songs.
    """
    known = dict(external_ids(workspace, link).filter(pl.col("is_main")).select("track_id", "external_id").iter_rows())
    songs = [known[track_id] for track_id in track_ids if track_id in known]
    missing = [track_id for track_id in track_ids if track_id not in known]
    if not songs:
        raise ServerError(f"{link.address} has none of the songs of {name!r}: `simsong link` looks again")
    there = _there(server, link, name, replace)
    if there is not None and playlist_songs(server, there) == songs:
        return Pushed(name, there, len(songs), missing, is_new=False)
    placed = _put(server, name, songs, there)
    keep_link(workspace, link.model_copy(update={"pushed": {**link.pushed, name: placed}}))
    return Pushed(name, placed, len(songs), missing, is_new=there is None)


def _there(server: SubsonicServer, link: Link, name: str, replace: bool) -> str | None:
    """The id of the playlist that is to be replaced."""
    called_so = [identity for identity, other in playlists(server) if other == name]
    own = link.pushed.get(name)
    if own in called_so:
        return own
    if len(called_so) > 1:
        raise ServerError(f"{link.address} has {len(called_so)} playlists called {name!r}: rename all but one")
    if called_so and not replace:
        raise ServerError(
            f"{link.address} has a playlist called {name!r} that SimSong did not put there: choose another name, or "
            "--replace"
        )
    return called_so[0] if called_so else None


def _put(server: SubsonicServer, name: str, songs: list[str], there: str | None) -> str:
    """The id of the playlist, which then has these songs."""
    placed = _new(server, name, songs) if there is None else there
    if playlist_songs(server, placed) != songs:
        server.ask("createPlaylist", playlistId=placed, songId=songs)
    server.ask("updatePlaylist", playlistId=placed, comment=_REMARK)
    kept = playlist_songs(server, placed)
    if set(kept) != set(songs):  # some servers keep no song twice
        raise ServerError(f"{server.address} kept {len(kept)} of the {len(songs)} songs of {name!r}: push it again")
    return placed


def _new(server: SubsonicServer, name: str, songs: list[str]) -> str:
    """The id of a playlist that was not there.

    It is looked up by its name: servers that are older than 1.14 do not say it, and one whose answer was lost may have
    made it.
    """
    before, failed = {identity for identity, _ in playlists(server)}, None
    try:
        server.ask_once("createPlaylist", name=name, songId=songs)
    except ServerError as error:
        failed = error
    made = next((identity for identity, other in playlists(server) if other == name and identity not in before), None)
    if made is None:
        raise failed or ServerError(f"{server.address} took the playlist {name!r} and does not show it")
    return made
