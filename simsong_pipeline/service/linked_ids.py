"""The ids that the linked music server has for the songs and artists of a snapshot; read anew when a link changed."""

from dataclasses import dataclass

import polars as pl

from simsong_pipeline.home.links import external_ids, links_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.schemas import EXTERNAL_IDS
from simsong_pipeline.service.home_state import file_state
from simsong_pipeline.service.library import Library
from simsong_pipeline.service.snapshot import Snapshot

_KEPT = "linked_ids"


@dataclass(frozen=True, eq=False)
class LinkedIds:
    """Ids in both directions: several of the server's songs may be one here, and each song here has one there."""

    songs: dict[str, str]
    artists: dict[str, str]
    song_ids: dict[str, str]
    artist_ids: dict[str, str]


def linked_ids(workspace: Workspace, snapshot: Snapshot) -> LinkedIds | None:
    """Those of the server that was linked last; null where none is.

    Args:
        workspace: the live home, whose links change without a night.

    Raises:
        RawDataError: a file that says so is damaged.
    """
    link = links_of(workspace).link
    if link is None:
        return None
    state = (link.address, file_state(workspace.frame_path(link.frame(EXTERNAL_IDS.name))))
    kept = snapshot.kept.get(_KEPT)
    if isinstance(kept, tuple) and kept[0] == state:
        found: LinkedIds = kept[1]
        return found
    made = _made(external_ids(workspace, link), snapshot.library)
    snapshot.kept[_KEPT] = (state, made)
    return made


def _made(ids: pl.DataFrame, library: Library) -> LinkedIds:
    """Only of songs that the snapshot has. An artist there is the one here that most of its songs are by."""
    own = library.songs.select(pl.col("id").alias("track_id"), pl.col("artist_id").alias("own_artist"))
    known = ids.join(own, on="track_id", maintain_order="left")
    main = known.filter("is_main")
    return LinkedIds(
        songs=dict(known.select("external_id", "track_id").iter_rows()),
        artists=_most(known, "artist_id", "own_artist"),
        song_ids=dict(main.select("track_id", "external_id").iter_rows()),
        artist_ids=_most(main, "own_artist", "artist_id"),
    )


def _most(known: pl.DataFrame, one: str, other: str) -> dict[str, str]:
    """For each value of a column the one of the other column that it stands beside most."""
    counts = known.drop_nulls(one).drop_nulls(other).group_by(one, other).len()
    first = counts.sort("len", other, descending=[True, False]).unique(one, keep="first", maintain_order=True)
    return dict(first.select(one, other).iter_rows())
