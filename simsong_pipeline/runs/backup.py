"""A home and its index, whole and of one moment, in a folder that appears when it is complete.

Of an embedded index the files are copied with the home's, while nobody holds either; of a server's collections the
snapshots are fetched.
"""

import os
import shutil
import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from simsong_pipeline.config import VARIANTS, PipelineConfig
from simsong_pipeline.errors import RawDataError, StoreError
from simsong_pipeline.files import disk_room, flush_to_disk, sha256_of
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.index_names import alias_name
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.backup_manifest import HOME, INDEX, Backup, HeldCollection, HeldFile, write_manifest
from simsong_pipeline.runs.home_files import copy_files, is_empty, room_of
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.copying import embedded_index
from simsong_pipeline.stores.opening import Store
from simsong_pipeline.stores.qdrant_store import QdrantStore
from simsong_pipeline.stores.room import ask_for_room

_FREE_BYTES = 50_000_000


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds."""

    backup: str
    files: int
    bytes: int
    index: str
    collections: list[str]


def back_up(
    workspace: Workspace, config: PipelineConfig, target: Path, with_index: bool, now: datetime, told: Events
) -> BackedUp:
    """Write a backup of a home and its index to a folder that is not there yet, or empty.

    Args:
        with_index: false leaves the index out; `simsong refresh` makes it anew from the vectors.

    Raises:
        RawDataError: nothing is in the home, or something in the folder.
        BusyError: a run holds the home or the index, and went on holding it.
        StoreError: the server failed, or is a cluster.
        DiskFullError: there is no room.
    """
    home, target = workspace.home, target.resolve()
    _refuse_target(home, target)
    with workspace.lock(), _held_index(workspace, config), disk_room(target):
        for left in _unfinished(target):
            shutil.rmtree(left)
        ask_for_room(_existing(target), _FREE_BYTES + room_of(home))
        folder = target.with_name(f".{target.name}.{uuid.uuid4().hex}.backup")
        folder.mkdir(parents=True)
        try:
            made = _written(workspace, config, folder, with_index, now, told)
            os.replace(folder, target)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        flush_to_disk(target.parent)
    return BackedUp(str(target), len(made.files), made.size, made.index, sorted(made.collections))


def state_of(store: Store, collection: str) -> str:
    """A hash of all songs' hashes in a collection."""
    return sha256_of(sorted(store.hashes(collection).items()))


def _written(
    workspace: Workspace, config: PipelineConfig, folder: Path, with_index: bool, now: datetime, told: Events
) -> Backup:
    on_server = server_url(config.store) is not None
    backup = Backup(
        made=now.isoformat(timespec="seconds"),
        program=version("simsong"),
        index="none" if not with_index else "server" if on_server else "home",
        files={},
    )
    if on_server and with_index:  # first, because a server may refuse
        told.stage("fetching the index")
        backup = _with_collections(backup, workspace, config, folder / INDEX)
    told.stage("copying the home")
    home = copy_files(workspace.home, folder / HOME, told.progress)
    if not with_index:
        for path in [path for path in home if path.split("/")[0] in ("qdrant", "edge")]:
            (folder / HOME / path).unlink()
            del home[path]
    files = {f"{HOME}/{path}": held for path, held in home.items()}
    backup = backup.model_copy(update={"files": {**backup.files, **files}})
    write_manifest(folder, backup)
    flush_to_disk(folder)
    return backup


def _with_collections(backup: Backup, workspace: Workspace, config: PipelineConfig, folder: Path) -> Backup:
    """The collections that the home's aliases lead to, and those that it can go back to."""
    with QdrantStore(config.store, workspace.home / "qdrant") as store:
        snapshots, names = store.snapshots(), [config.store.collection, *(alias_name(v, config) for v in VARIANTS)]
        if snapshots.nodes() > 1:
            raise StoreError(
                f"{store.address} is a cluster, of which a snapshot holds one node's part alone: use --without-index, "
                "from which `simsong refresh` makes the index anew without embedding anything, or the cluster's own "
                "backup"
            )
        aliases = {alias: name for alias, name in store.aliases().items() if alias in names}
        known = {path.name for path in (workspace.home / "published").glob("*")}
        files, collections = dict[str, HeldFile](), dict[str, HeldCollection]()
        for name in sorted(known & set(store.collections()) | set(aliases.values())):
            path = folder / f"{name}.snapshot"
            collections[name] = HeldCollection(songs=store.count(name), state=state_of(store, name))
            sha256 = snapshots.fetch(name, path)
            files[f"{INDEX}/{path.name}"] = HeldFile(size=path.stat().st_size, sha256=sha256)
    return backup.model_copy(update={"aliases": aliases, "collections": collections, "files": files})


def _held_index(workspace: Workspace, config: PipelineConfig) -> AbstractContextManager[None]:
    index = embedded_index(config.store, workspace.home)
    return nullcontext() if index is None or not index.is_there else index.held(config.store.wait_s)


def _refuse_target(home: Path, target: Path) -> None:
    if is_empty(home):
        raise RawDataError(f"there is nothing to back up under {home}: run `simsong run` first, or name the --home")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RawDataError(f"{target} is there already: name a new folder for each backup")
    if target.is_relative_to(home.resolve()):
        raise RawDataError(f"{target} lies in the home {home} itself: name a folder outside, best on another disk")


def _unfinished(target: Path) -> list[Path]:
    """What killed backups left; the home's lock is held, so none is being written."""
    parent = target.parent
    return [p for p in parent.iterdir() if _is_left(p.name, target.name)] if parent.is_dir() else []


def _is_left(name: str, target: str) -> bool:
    return name.startswith(f".{target}.") and name.endswith(".backup") and len(name) == len(target) + 41


def _existing(path: Path) -> Path:
    """The folder that is there on the way to a path."""
    return next(parent for parent in path.parents if parent.is_dir())
