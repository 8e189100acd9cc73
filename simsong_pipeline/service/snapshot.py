"""The index and the catalogue of one moment, which questions are answered from.

An embedded index is copied while nobody writes to it and opened apart: nights, and whoever asks by the command, go on
beside the service (docs/decisions/0020-the-service-answers-from-a-copy.md).
"""

import shutil
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import polars as pl
from filelock import FileLock

from simsong_pipeline.asking.queries import Songs
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.files import sha256_of
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.foreseen import Foreseen
from simsong_pipeline.service.frozen_home import FrozenHome, copy_model
from simsong_pipeline.service.frozen_store import FrozenStore, ScoringStore
from simsong_pipeline.service.home_state import FRAMES, HomeState, HomeWatch
from simsong_pipeline.service.library import Library
from simsong_pipeline.stages.published import published_ids
from simsong_pipeline.stores.copying import EmbeddedIndex, embedded_index
from simsong_pipeline.stores.opening import ReadStore
from simsong_pipeline.stores.payloads import point_id

Watched = Callable[[ReadStore], ReadStore]


@dataclass
class Snapshot:
    """What one question is answered from, from its beginning to its end.

    Attributes:
        state: of the home when it was taken; `watch` tells the present one.
        songs: the questions; ask by `asker`.
        version: another one for each state of the home; the same before and after a restart.
        collection: what the index calls it, the model's version in it.
        taken_at: seconds of the epoch.
        rows: JSON of songs before and after the score, by id; see `json_api.found_songs`.
        users: questions that are being answered from it.
        foreseen: makes, and has, what an embedded index is asked most.
    """

    watch: HomeWatch
    state: HomeState
    home: FrozenHome
    config: PipelineConfig
    store: ReadStore
    songs: Songs
    library: Library
    version: str
    collection: str
    folder: Path
    taken_at: float
    users: int = 0
    is_retired: bool = False
    kept: dict[str, object] = field(default_factory=dict)
    rows: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    foreseen: Foreseen | None = None

    def close(self) -> None:
        """Close the copy and delete it."""
        self.store.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)


def take_snapshot(
    workspace: Workspace,
    serving: Path,
    qdrant_url: str | None,
    wait_s: float,
    watched: Watched = lambda store: store,
    often: int = 1_000,
) -> Snapshot:
    """The home as it is now.

    Args:
        serving: where copies lie, each in a folder of its own.
        wait_s: for an index that another process holds.
        watched: what questions are asked of in place of the store.
        often: after so many questions the nearest of all songs are found, where there are more than a few.

    Raises:
        BusyError: it still does.
        SimSongError: nothing is indexed, a file is damaged, the disk is full.
    """
    workspace.refuse_half_rolled_back()
    config = _config(workspace, qdrant_url)
    folder = serving / uuid.uuid4().hex
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        index, watch = embedded_index(config.store, workspace.home), HomeWatch(workspace, config)
        # Those of one service wait for each other: an index that is held is a night's.
        with FileLock(serving / ".copying"), nullcontext() if index is None else index.held(wait_s):
            state = watch.state()
            copy_model(workspace.model(config.serve), folder / "models" / config.serve)
            ids = None if index is None else _copied(workspace, index, folder)
        own = workspace.store(config.store) if index is None else _opened(folder, config)
        store = watched(own)
        undo.callback(store.__exit__, None, None, None)
        home = FrozenHome(workspace.home, folder / "models")
        home.keep(*FRAMES)
        frozen = own if isinstance(own, FrozenStore) else None
        songs = Songs(home, store, config, nearest_of=None if frozen is None else frozen.nearest_of)
        collection = store.aliases()[config.store.collection]
        library = Library.of(home, _held(home, store, collection, ids))
        library.warm()
        version = sha256_of([collection, state.published, state.frames])[:16]
        made = Snapshot(watch, state, home, config, store, songs, library, version, collection, folder, time.time())
        if frozen is not None:
            made.foreseen = frozen.foresee(config.store.collection, songs.own_ranking, often)
            made.foreseen.begin_where_few()
        undo.pop_all()
    return made


def _config(workspace: Workspace, qdrant_url: str | None) -> PipelineConfig:
    config = workspace.load_config()
    changed = config.store if qdrant_url is None else config.store.model_copy(update={"url": qdrant_url})
    return config.model_copy(update={"store": changed})


def _opened(folder: Path, config: PipelineConfig) -> ReadStore:
    """A copy of an index, which is the service's own."""
    store = Workspace(folder).store(config.store)
    return FrozenStore(cast(ScoringStore, store)) if hasattr(store, "scores") else store


def _copied(workspace: Workspace, index: EmbeddedIndex, folder: Path) -> pl.Series | None:
    """Copy what an index serves; the ids of its songs where a record has them."""
    index.copy_to(folder)
    return published_ids(workspace, index.served())


def _held(home: Workspace, store: ReadStore, collection: str, ids: pl.Series | None) -> pl.Series:
    """Track ids of the songs that the index holds: those of the record, where it counts as many."""
    count = store.count(collection)  # which loads it
    return ids if ids is not None and len(ids) == count else _asked_ids(home, store, collection)


def _asked_ids(home: Workspace, store: ReadStore, collection: str) -> pl.Series:
    """Track ids of the catalogue's songs that the index holds, by asking it for all of them."""
    held = store.hashes(collection)
    ids = home.read("tracks")["track_id"]
    return ids.filter(pl.Series([point_id(track_id) in held for track_id in ids.to_list()], dtype=pl.Boolean))
