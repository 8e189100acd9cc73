"""Links a home to a music server: which of its songs are which, and what its user put together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import write_atomically
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.links import PLAYLIST, STARRED, Link, keep_link, links_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.linking.matching import (
    HOME,
    MUSICBRAINZ,
    NAMES,
    PATH,
    SERVER,
    Matches,
    ReadIds,
    match,
    with_reasons,
)
from simsong_pipeline.linking.own_songs import own_places, own_songs, unusable_places
from simsong_pipeline.linking.server_songs import all_lists, all_songs
from simsong_pipeline.linking.subsonic import SubsonicServer
from simsong_pipeline.schemas import EXTERNAL_IDS, SERVER_LISTS, UNLINKED

# The id of a recording at MusicBrainz by its file and its time of change; null where its tags have none.
ReadId = Callable[[Path, int], str | None]


@dataclass(frozen=True)
class Linked:
    """What linking came to.

    Attributes:
        songs: of the server.
        unlinked: of the frame of that name, and `table` is the file with the same for people.
    """

    address: str
    songs: int
    by_path: int
    by_musicbrainz: int
    by_names: int
    not_here: int
    not_there: int
    playlists: int
    starred: int
    unlinked: pl.DataFrame
    table: Path


@dataclass(frozen=True)
class Offered:
    """What a server has: songs as `server_songs.SONGS`, and the frame server_lists."""

    link: Link
    songs: pl.DataFrame
    lists: pl.DataFrame


def offered_by(server: SubsonicServer, told: Events) -> Offered:
    """All songs, playlists and stars of a server that can be asked.

    Raises:
        ServerError: it refuses, or does not answer any more.
    """
    told.stage(f"asking {server.address} for its songs")
    songs = all_songs(server, told.progress)
    told.stage("asking for playlists and stars")
    return Offered(Link(address=server.address, user=server.user), songs, all_lists(server, told.progress))


def link(workspace: Workspace, offered: Offered, now: datetime, read_id: ReadId, told: Events) -> Linked:
    """Match the server's songs with the home's, and keep their ids, playlists and stars in place of those before.

    Raises:
        RawDataError: there is nothing to link, here or there.
    """
    if not offered.songs.height:
        raise RawDataError(f"{offered.link.address} has no songs that it shows: let it scan its music first")
    own = own_songs(workspace)
    told.stage("matching songs")
    matches = match(offered.songs, own, own_places(workspace, own), _reader(read_id, told))
    found = with_reasons(matches, unusable_places(workspace))
    before = links_of(workspace).servers.get(offered.link.address, offered.link)
    kept = offered.link.model_copy(update={"pushed": before.pushed, "linked": now.isoformat()})
    table = _keep(workspace, kept, found, offered.lists)
    return _summary(kept.address, offered.songs, found, offered.lists, table)


def _reader(read_id: ReadId, told: Events) -> ReadIds:
    def read(songs: pl.DataFrame) -> pl.Series:
        ids = []
        rows = songs.select("path", "modified_ns").rows()
        told.stage("reading ids from the tags of songs that no path tells")
        for path, modified in rows:
            ids.append(None if path is None else read_id(Path(path), modified or 0))
            told.progress(len(ids), len(rows))
        return pl.Series(ids, dtype=pl.String)

    return read


def _keep(workspace: Workspace, kept: Link, found: Matches, lists: pl.DataFrame) -> Path:
    """The frames first, then what says that they are there."""
    workspace.write(kept.frame(SERVER_LISTS.name), lists)
    workspace.write(kept.frame(UNLINKED.name), found.unlinked)
    workspace.write(kept.frame(EXTERNAL_IDS.name), found.ids)
    table = workspace.frame_path(kept.frame(UNLINKED.name)).with_suffix(".csv")
    write_atomically(table, found.unlinked.write_csv)
    keep_link(workspace, kept)
    return table


def _summary(address: str, theirs: pl.DataFrame, found: Matches, lists: pl.DataFrame, table: Path) -> Linked:
    return Linked(
        address,
        theirs.height,
        found.count(PATH),
        found.count(MUSICBRAINZ),
        found.count(NAMES),
        found.missing(SERVER),
        found.missing(HOME),
        lists.filter(kind=PLAYLIST)["list_id"].n_unique(),
        lists.filter(kind=STARRED).height,
        found.unlinked,
        table,
    )
