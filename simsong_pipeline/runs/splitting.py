"""A home in twice as many buckets, with nothing decoded or embedded anew.

What was heard is written beside what is there first; then the home's number is exchanged, which is one rename; then the
frames follow, each by its own manifest, and the files of the number before are deleted. Killed before the exchange the
home has the number before, and after it the other one; the next call finishes what was begun and begins nothing else.
"""

import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from simsong_pipeline.audio.feature_split import FeatureSplit, clear
from simsong_pipeline.audio.feature_store import FeatureStore
from simsong_pipeline.buckets import MOST, Buckets
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import RawDataError, SimSongError
from simsong_pipeline.home.bucketed_frame import BucketedFrame
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.ready_vectors import ReadyVectors
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs import ledger
from simsong_pipeline.stores.room import ask_for_room

_SONG = ("track_id", "audio_sha256", "front_end", "frames")
_PLACE = ("file", "offset")
# Half of a file is somewhat more than half as large: a footer of its own, and a list of buckets that names it.
_MORE, _EACH_BYTES = 1.1, 32_000


@dataclass(frozen=True)
class Split:
    """How many buckets there were and are; whether one that was interrupted after the exchange is complete now."""

    before: int
    buckets: int
    finished: bool


def split_home(workspace: Workspace, config: PipelineConfig, events: Events) -> Split:
    """Split each bucket of a home into two, or finish a split that was interrupted.

    Raises:
        RawDataError: there is nothing to split yet.
        SimSongError: there are `MOST` already.
        DiskFullError: there is no room for it; nothing was changed.
        BusyError: another process holds the home, or hears some of its buckets, and went on.
    """
    number = workspace.bucket_number
    if not number.is_needed():
        raise RawDataError(f"nothing is known under {workspace.home} yet: `simsong run` makes a home, in --buckets")
    with workspace.lock():
        present, beside = number.present(), number.beside()
        decided = beside is not None and beside.count < present.count
        if not decided and present.count == MOST:
            raise SimSongError(
                f"{workspace.home} is kept in {MOST} buckets, and there cannot be more: nothing was changed"
            )
        whole = ledger.is_of(workspace.home)
        before = beside if decided and beside is not None else present
        if decided:
            workspace.fence.claim(f"split {uuid.uuid4().hex}")
        else:
            _write_features(workspace, config, present, events)
        events.stage(f"writing frames in {before.twice.count} buckets")
        _name_new_files(workspace, workspace.features(config))
        _spread_frames(workspace, events)
        for folder in (workspace.features_folder, *_ready_folders(workspace)):
            clear(folder, before)
        if whole:
            ledger.take_over(workspace.home)
        number.put(before.twice)  # last: until here the next call finishes this split
    return Split(before.count, before.twice.count, decided)


def _write_features(workspace: Workspace, config: PipelineConfig, present: Buckets, events: Events) -> None:
    """Up to and with the exchange of the number."""
    store, folder = workspace.features(config), workspace.features_folder
    with store.held(present.numbers):
        split = FeatureSplit(folder, store, present)
        needed = _MORE * (split.needed_bytes() + _largest_frame(workspace)) + _EACH_BYTES * present.twice.count
        ask_for_room(workspace.home, int(needed))
        workspace.fence.claim(f"split {uuid.uuid4().hex}")
        workspace.bucket_number.put(present, beside=present.twice)
        events.stage(f"splitting {present.count} buckets")
        split.write(events.progress)
        _hand_on_ready(workspace, present)
        workspace.bucket_number.put(present.twice, beside=present)


def _hand_on_ready(workspace: Workspace, present: Buckets) -> None:
    """What a bucket's vectors are of is told by hash and not by track: both halves get all of them."""
    for folder in _ready_folders(workspace):
        clear(folder, present.twice)
        before, after = ReadyVectors(folder, present), ReadyVectors(folder, present.twice)
        for made in filter(None, map(before.read, present.numbers)):
            for half in (made.bucket, made.bucket + present.count):
                after.write(replace(made, bucket=half))


def _ready_folders(workspace: Workspace) -> list[Path]:
    return [path for path in workspace.ready.glob("*") if path.is_dir()]


def _largest_frame(workspace: Workspace) -> int:
    """Bytes of the largest frame in buckets; each is deleted as soon as it is written anew."""
    folders = [path.parent for path in workspace.bucket_number.manifests()]
    return max((sum(path.stat().st_size for path in folder.iterdir()) for folder in folders), default=0)


def _name_new_files(workspace: Workspace, store: FeatureStore) -> None:
    """Let the frame of the last run name the files that its songs are in now; one that was heard since is left."""
    frame = workspace.read_if_there("segment_features")
    if frame is None:
        return
    places = store.places().select(*_SONG, *_PLACE)
    moved = frame.join(places, on=_SONG, how="left", suffix="_now", maintain_order="left")
    now = [pl.coalesce(f"{name}_now", name).alias(name) for name in _PLACE]
    workspace.write("segment_features", moved.with_columns(now).select(frame.columns))


def _spread_frames(workspace: Workspace, events: Events) -> None:
    manifests = workspace.bucket_number.manifests()
    for done, manifest in enumerate(manifests, 1):
        remedy = f"delete {manifest.parent} and run `simsong refresh`"
        BucketedFrame(manifest.parent, remedy, workspace.buckets).spread()
        events.progress(done, len(manifests))
