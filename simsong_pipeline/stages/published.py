"""What a collection holds, as a file: so that a night finds what to write without asking the index for every song.

The record is taken away before the first point is written and put back after the last one was counted. Where it is
missing, of another version of the program, or counts other songs than the collection has, the index itself is asked.
"""

import glob
import shutil
from collections.abc import Collection
from functools import cache
from pathlib import Path

import polars as pl

import simsong_pipeline
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import read_json_object, sha256_of, write_json
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.sources.listing import tree_states

_HEADER = "published.json"


class Published:
    """The record of a collection.

    Args:
        settings: what decides points besides the songs' own state.
    """

    def __init__(self, workspace: Workspace, collection: str, config: PipelineConfig, settings: object) -> None:
        self._folder = workspace.home / "published" / collection
        self._frame = BucketedFrame(self._folder / "marks", f"delete {self._folder}", workspace.buckets)
        store = config.store.model_dump(exclude={"url", "wait_s", "ready_s", "keep_snapshots"})
        self._made_by = sha256_of(settings, store, config.body.model_dump(), program_version())

    def marks(self, songs: int) -> pl.DataFrame | None:
        """track_id, mark of every song in the collection; null where the record does not vouch for `songs` of them."""
        if _header(self._folder) != {"made_by": self._made_by, "songs": songs}:
            return None  # it is made anew from the index
        return self._frame.read()

    def forget(self) -> None:
        """Before the collection is written to."""
        (self._folder / _HEADER).unlink(missing_ok=True)

    def write(self, marks: pl.DataFrame) -> None:
        """After the collection was written to, and counted."""
        self._frame.write(marks)
        self._vouch(marks.height)

    def update(self, changed: pl.DataFrame, vanished: Collection[str], songs: int) -> None:
        """As `write`, of a record that vouched for the collection before these songs changed and left it.

        Args:
            changed: track_id, mark.
            songs: that the collection has now.
        """
        if changed.height or vanished:
            self._frame.update(changed, vanished)
        self._vouch(songs)

    def _vouch(self, songs: int) -> None:
        write_json(self._folder / _HEADER, {"made_by": self._made_by, "songs": songs})


def published_at(workspace: Workspace, collection: str) -> float | None:
    """When a run wrote or proved a collection last, in seconds of the epoch; null where no record is of it."""
    try:
        return (workspace.home / "published" / collection / _HEADER).stat().st_mtime
    except OSError:
        return None


def published_ids(workspace: Workspace, collection: str) -> pl.Series | None:
    """Track ids of the songs in a collection by its record, whoever made it; null where there is none."""
    folder = workspace.home / "published" / collection
    frame = BucketedFrame(folder / "marks", f"delete {folder}", workspace.buckets)
    if not _header(folder) or not frame.is_there:
        return None
    return frame.read(["track_id"])["track_id"]


def _header(folder: Path) -> dict[str, object]:
    """What the record says of itself; empty where there is none, or a damaged one."""
    try:
        return read_json_object(folder / _HEADER)
    except (FileNotFoundError, ValueError):
        return {}


def forget_dropped(workspace: Workspace, prefix: str, collections: Collection[str]) -> None:
    """Delete the records of collections that are no more.

    Args:
        prefix: how the names begin of those that are meant.
        collections: those that there are.
    """
    for folder in (workspace.home / "published").glob(f"{glob.escape(prefix)}*"):
        if folder.name not in collections:
            shutil.rmtree(folder)


@cache
def program_version() -> str:
    """Of the modules that lie here, and of polars: another one may make other points of the same songs."""
    folder = Path(simsong_pipeline.__file__).parent
    modules = sorted(state for state in tree_states(folder) if state[0].endswith(".py"))
    return sha256_of(modules, pl.__version__)
