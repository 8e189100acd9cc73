"""Compares the index with the vectors that the last run wrote: aliases, songs, hashes, vectors. Nothing is changed."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import polars as pl

from simsong_pipeline.config import VARIANTS, PipelineConfig
from simsong_pipeline.errors import BusyError, SimSongError, StoreError
from simsong_pipeline.home.index_names import alias_name, collection_name
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.runs.verification import Damage, Findings
from simsong_pipeline.stores.opening import Store
from simsong_pipeline.stores.payloads import point_id
from simsong_pipeline.stores.updating import HASH_FIELDS

_REFRESH = "run `simsong refresh`"
_BATCH = 256
# Engines store vectors as they come or scaled to length 1, in f32 either way.
_ALIKE = 0.999


def verify_index(
    workspace: Workspace, config: PipelineConfig, found: Findings, progress: Callable[[int, int], None]
) -> None:
    """Add to `found` what is wrong with the index; call under the home's lock.

    A home whose vectors are damaged is not compared: its files come first.
    """
    try:
        frames = {v: workspace.read_if_there(f"{v}/track_vectors") for v in VARIANTS}
    except SimSongError:
        found.notes.append("the index was not compared: the vectors of the last run come first")
        return
    wanted = {v: frame for v, frame in frames.items() if frame is not None and frame.height}
    if not wanted:
        return
    try:
        with workspace.store(config.store) as store:
            names = {v: collection_name(v, frame["model_version"][0], config) for v, frame in wanted.items()}
            aliases = {alias_name(v, config): name for v, name in names.items()}
            if config.serve in names:
                aliases[config.store.collection] = names[config.serve]
            found.look(f"aliases ({store.address})", lambda: _check_aliases(store, aliases))
            for variant, frame in wanted.items():
                name = names[variant]
                judge = partial(_check_collection, store, name, frame, _anew(workspace, config, store, name), progress)
                found.look(f"{name} ({store.address})", judge)
    except BusyError:
        raise
    except SimSongError as error:
        found.damaged.append(Damage("index", f"{error}; if that does not help, {_anew(workspace, config, None, '')}"))


def _anew(workspace: Workspace, config: PipelineConfig, store: Store | None, name: str) -> str:
    """What makes songs anew whose hashes say that nothing changed."""
    if store is not None and not store.embedded:
        return f"delete the collection {name} there and {_REFRESH}"
    return f"delete {workspace.home / ('edge' if config.store.engine == 'edge' else 'qdrant')} and {_REFRESH}"


def _check_aliases(store: Store, wanted: dict[str, str]) -> None:
    served = store.aliases()
    for alias, name in wanted.items():
        if served.get(alias) != name:
            raise StoreError(f"the alias {alias!r} leads to {served.get(alias)} in place of {name}: {_REFRESH}")


def _check_collection(
    store: Store, name: str, vectors: pl.DataFrame, remedy: str, progress: Callable[[int, int], None]
) -> None:
    if name not in store.collections():
        raise StoreError(f"the collection {name!r} is missing: {_REFRESH}")
    present, count = store.hashes(name), store.count(name)
    wanted = {point_id(t): (content, version) for t, content, version in vectors.select("track_id", *_HASHED).rows()}
    places = [HASH_FIELDS.index(field) for field in _HASHED]
    found = {i: tuple(values[p] for p in places) for i, values in present.items()}
    other = sum(found.get(i) != values for i, values in wanted.items())
    if other or count != len(wanted) or len(found) != len(wanted):
        raise StoreError(
            f"{name!r} holds {count} songs in place of {len(wanted)}, and {other} are missing or of another state: "
            f"{_REFRESH}"
        )
    wrong = list(_unlike(store, name, vectors, progress))
    if wrong:
        raise StoreError(f"{len(wrong)} songs in {name!r} have damaged vectors, {wrong[0]} say: {remedy}")


_HASHED = ("content_hash", "model_version")


def _unlike(store: Store, name: str, vectors: pl.DataFrame, progress: Callable[[int, int], None]) -> Iterator[str]:
    """Track ids whose stored vectors point elsewhere than those of the frame."""
    for start in range(0, vectors.height, _BATCH):
        part = vectors[start : start + _BATCH]
        points = {p.point_id: p for p in store.fetch(name, [point_id(t) for t in part["track_id"]], with_vectors=True)}
        for track_id, audio, lyrics in part.select("track_id", "audio", "lyrics").rows():
            stored = points[point_id(track_id)].vectors
            wanted = {"audio": audio} | ({"lyrics": lyrics} if lyrics is not None else {})
            if any(n not in stored or not _alike(stored[n], v) for n, v in wanted.items()):
                yield track_id
        progress(start + part.height, vectors.height)


def _alike(stored: np.ndarray, wanted: list[float]) -> bool:
    """Whether both point the same way, neither being of length 0 nor holding what is not finite."""
    vector = np.asarray(wanted, np.float32)
    lengths = float(np.linalg.norm(stored)) * float(np.linalg.norm(vector))
    return bool(np.isfinite(lengths)) and lengths > 0 and float(stored @ vector) >= _ALIKE * lengths
