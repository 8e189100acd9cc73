"""A backup becomes a home again: everything is looked at first, and the home appears at once.

A server's collections come first, each under its own name, and its aliases move when all of them are whole; then the
home changes. Killed at any moment, the former state is there or the restored one, and the same command goes on.
"""

import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.errors import RawDataError
from simsong_pipeline.files import disk_room
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.backup_manifest import HOME, INDEX, Backup, read_manifest, refuse_damaged
from simsong_pipeline.runs.exchange import aside_of, exchange
from simsong_pipeline.runs.home_files import copy_with_times, flush_folders, is_empty
from simsong_pipeline.runs.restored_collections import put_collections
from simsong_pipeline.stores.address import server_url
from simsong_pipeline.stores.qdrant_store import QdrantStore
from simsong_pipeline.stores.room import ask_for_room, size_on_disk

_FREE_BYTES = 50_000_000


@dataclass(frozen=True)
class Restored:
    """What was put back.

    Attributes:
        made: when the backup was, in UTC.
        index: home, server, or none where it has to be made anew.
    """

    home: str
    made: str
    files: int
    index: str
    collections: list[str]


def restore(
    source: Path, home: Path, qdrant_url: str | None, replaces: bool, with_index: bool, told: Events
) -> Restored:
    """Make a backup the home, and its collections those of the server.

    Args:
        replaces: a home, collections and aliases that are there make room.
        with_index: false leaves out the collections of a server; `simsong refresh` makes them anew.

    Raises:
        RawDataError: no backup, a damaged one, or something is there already. Nothing was changed.
        BusyError: a run holds the home, and went on holding it.
        StoreError: the server failed, or holds other songs under the same names.
        DiskFullError: there is no room.
    """
    backup, home = read_manifest(source), home.resolve()
    if backup.index != "server":
        with_index = False
        if server_url(StoreConfig(url=qdrant_url)) is not None:
            told.note("no index of a server is in this backup: `simsong refresh` fills the one that is named")
    elif with_index and server_url(StoreConfig(url=qdrant_url)) is None:
        raise RawDataError(
            "the index of this backup was a server's: name one (--qdrant-url, QDRANT_URL), or leave it out by "
            "--without-index, and `simsong refresh` makes it anew. Nothing was changed"
        )
    _put_back(home)
    _refuse_home(home, replaces)
    with Workspace(home).lock(finishes_rollback=True), disk_room(home):
        _refuse_home(home, replaces)  # whoever held it may have filled it
        for left in _unfinished(home):
            shutil.rmtree(left)
        ask_for_room(home.parent, _FREE_BYTES + size_on_disk(source / HOME))
        folder = home.with_name(f".{home.name}.{uuid.uuid4().hex}.restore")
        try:
            _copy_home(source, backup, folder, told)
            if with_index:
                _restore_index(source, backup, folder, home, qdrant_url, replaces, told)
            exchange(folder, home)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    index = "server" if with_index else "home" if backup.index == "home" else "none"
    files = sum(path.startswith(f"{HOME}/") for path in backup.files)
    return Restored(str(home), backup.made, files, index, sorted(backup.collections) if with_index else [])


def _copy_home(source: Path, backup: Backup, folder: Path, told: Events) -> None:
    """Every file looked at as it lies in its place; those of the index where they are."""
    told.stage("copying and comparing the backup")
    folder.mkdir()
    files = sorted(
        backup.files.items(), key=lambda named: named[0].startswith(f"{HOME}/")
    )  # nothing is copied of others
    for done, (name, held) in enumerate(files, 1):
        part, _, path = name.partition("/")
        target = folder / path if part == HOME else source / name
        if part == HOME and (source / name).is_file():
            copy_with_times(source / name, target)
        refuse_damaged(target, name, held)
        told.progress(done, len(backup.files))
    flush_folders(folder)


def _restore_index(
    source: Path, backup: Backup, folder: Path, home: Path, qdrant_url: str | None, replaces: bool, told: Events
) -> None:
    told.stage("sending the index")
    known = Workspace(folder).load_config().store
    config = known if qdrant_url is None else known.model_copy(update={"url": qdrant_url})
    with QdrantStore(config, folder / "qdrant") as store:
        put_collections(store, backup, source / INDEX, replaces, _forgetting(home))


def _forgetting(home: Path) -> Callable[[str], None]:
    """Before a collection changes that the present home has a record of: it is looked at anew then."""
    return lambda name: (home / "published" / name / "published.json").unlink(missing_ok=True)


def _refuse_home(home: Path, replaces: bool) -> None:
    if home.is_dir() and os.path.ismount(home):
        raise RawDataError(f"{home} is a mount point, which cannot be exchanged: name a folder in it as --home")
    if not replaces and not is_empty(home):
        raise RawDataError(f"{home} is not empty: name another --home, or --replace it. Nothing was changed")


def _put_back(home: Path) -> None:
    """Where a restore was killed while the former home lay aside."""
    if not home.exists() and aside_of(home).is_dir():
        os.rename(aside_of(home), home)


def _unfinished(home: Path) -> list[Path]:
    """What killed restores left; the home's lock is held, so none is at work."""
    length, aside = len(home.name) + 42, aside_of(home)
    left = [path for path in home.parent.glob(".*.restore") if path.name.startswith(f".{home.name}.")]
    return [*(path for path in left if len(path.name) == length), *([aside] if aside.is_dir() else [])]
