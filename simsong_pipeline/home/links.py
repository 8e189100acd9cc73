"""Music servers whose songs are known by their ids as well: what is kept of each, and which of them is asked."""

import hashlib
import re
from urllib.parse import urlsplit

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import EXTERNAL_IDS, SERVER_LISTS, UNLINKED, empty

_FILE = "links.json"
PLAYLIST, STARRED = "playlist", "starred"


class Link(BaseModel):
    """One server.

    Attributes:
        address: without user and password.
        user: whose playlists and stars are kept; null where a key says who asks.
        is_subsonic: whether it can be asked; the songs of another kind of server came from a file.
        linked: when, in UTC.
        pushed: the server's ids of the playlists that SimSong put there, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    user: str | None = None
    is_subsonic: bool = True
    linked: str = ""
    pushed: dict[str, str] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        """Names its folder: host, port and path in letters that any file system takes, no two addresses alike."""
        parts = urlsplit(self.address)
        readable = re.sub(r"[^a-z0-9.]+", "-", f"{parts.netloc}{parts.path}".lower()).strip("-.")
        return f"{readable[:60]}-{hashlib.sha256(self.address.encode()).hexdigest()[:8]}"

    def frame(self, contract: str) -> str:
        """The name of one of its frames."""
        return f"linked/{self.name}/{contract}"


class Links(BaseModel):
    """All servers by address, and the one that was linked last, whose ids answers carry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    present: str | None = None
    servers: dict[str, Link] = Field(default_factory=dict)

    @property
    def link(self) -> Link | None:
        """The one that was linked last."""
        return None if self.present is None else self.servers.get(self.present)


def links_of(workspace: Workspace) -> Links:
    """What is linked; nothing before the first `simsong link`.

    Raises:
        RawDataError: the file that says so is damaged.
    """
    path = workspace.home / _FILE
    if not path.is_file():
        return Links()
    try:
        return Links.model_validate(read_json_object(path))
    except (ValueError, ValidationError) as error:
        raise RawDataError(f"{path} is damaged: delete it and run `simsong link` again") from error


def keep_link(workspace: Workspace, link: Link) -> None:
    """Remember a server, from now on as the one whose ids answers carry."""
    servers = {**links_of(workspace).servers, link.address: link}
    write_json(workspace.home / _FILE, Links(present=link.address, servers=servers).model_dump())


def drop_link(workspace: Workspace, address: str) -> bool:
    """Forget a server with its frames; false where it was not known."""
    known = links_of(workspace)
    link = known.servers.get(address)
    if link is None:
        return False
    left = {other: kept for other, kept in known.servers.items() if other != address}
    present = known.present if known.present in left else next(iter(left), None)
    write_json(workspace.home / _FILE, Links(present=present, servers=left).model_dump())
    for contract in (EXTERNAL_IDS, UNLINKED, SERVER_LISTS):
        workspace.forget(link.frame(contract.name))
    workspace.frame_path(link.frame(UNLINKED.name)).with_suffix(".csv").unlink(missing_ok=True)
    return True


def external_ids(workspace: Workspace, link: Link) -> pl.DataFrame:
    """The frame of that name; empty where it is not there."""
    found = workspace.read_if_there(link.frame(EXTERNAL_IDS.name))
    return empty(EXTERNAL_IDS) if found is None else found


def lists_of_songs(workspace: Workspace, link: Link, kind: str) -> list[list[str]]:
    """Track ids of a server's playlists, or of what is starred there, a list each, in order.

    Playlists that SimSong put there are passed over: they say nothing of what belongs together.
    """
    lists = workspace.read_if_there(link.frame(SERVER_LISTS.name))
    if lists is None:
        return []
    own = list(link.pushed.values())
    theirs = lists.filter((pl.col("kind") == kind) & ~pl.col("list_id").is_in(own))
    known = theirs.join(external_ids(workspace, link), on="external_id").sort("list_id", "position")
    grouped = known.group_by("list_id", maintain_order=True).agg(pl.col("track_id").unique(maintain_order=True))
    return grouped["track_id"].to_list()
