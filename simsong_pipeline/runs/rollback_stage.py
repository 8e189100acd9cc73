"""Back to the models before: their folders, their collections, their vectors. Doing it twice goes forward again."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import TypeAdapter

from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import ModelError, RawDataError, SimSongError
from simsong_pipeline.files import read_json_object, write_json
from simsong_pipeline.home.index_names import alias_name, collection_name
from simsong_pipeline.home.model_files import ModelFiles
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.points import OWN_DIMS, SONG_VECTOR
from simsong_pipeline.schemas import TRACK_VECTORS, conform
from simsong_pipeline.stores.opening import Store

_BATCH = 500
_TARGETS = TypeAdapter(dict[Variant, str])
# What features and lyric vectors are made by; the models of both variants share it.
_SHARED = ("log_mel", "segments", "events", "lyrics")


@dataclass(frozen=True)
class RolledBack:
    """What serves now, and how many songs it knows."""

    variant: Variant
    collection: str
    before: str | None
    songs: int


def roll_back(workspace: Workspace, variants: Sequence[Variant], config: PipelineConfig) -> list[RolledBack]:
    """Serve variants by their previous models and those models' collections; both or neither.

    All is checked before anything changes, and what is meant is written down (`rollback.json`): killed in between, the
    next call finishes that very rollback, whatever it is asked for. The vectors are read back from the index, so the
    next night embeds only what came since; the models are marked as chosen, so that a run does not train others in
    their place before `--retrain` asks for it.

    Raises:
        SimSongError: a previous model or its collection is missing, or the models are of other features than the home.
    """
    intent = workspace.rollback_intent
    with workspace.lock(finishes_rollback=True), workspace.store(config.store) as store:
        targets = _written(intent)
        if targets is None:
            targets = {v: _previous_version(workspace, v, variants, config, store) for v in variants}
            write_json(intent, targets)
        workspace.fence.claim(f"rollback {uuid.uuid4().hex}")
        done = [_exchange(workspace, variant, version, config, store) for variant, version in targets.items()]
        aliases = {alias_name(d.variant, config): d.collection for d in done}
        served = [d.collection for d in done if d.variant == config.serve]
        if served:
            aliases[config.store.collection] = served[0]
        for one in done:
            store.settle(one.collection, one.songs)
        store.point_aliases(aliases)
        own = ModelFiles(workspace.model(done[0].variant)).config()
        workspace.save_config(config.model_copy(update={name: getattr(own, name) for name in _SHARED}))
        intent.unlink()
    return done


def goes_forward(workspace: Workspace, variants: Sequence[Variant]) -> bool:
    """Whether a rollback would undo one that is complete, rather than begin one or finish one that was interrupted."""
    if workspace.rollback_intent.is_file():
        return False
    return any(ModelFiles(workspace.model(variant)).is_chosen() for variant in variants)


def can_roll_back(workspace: Workspace, variant: Variant) -> bool:
    """Whether there is a model to go back to, or a rollback to finish."""
    unfinished = _written(workspace.rollback_intent)
    return variant in unfinished if unfinished else ModelFiles(workspace.model(variant)).previous.is_published()


def _written(intent: Path) -> dict[Variant, str] | None:
    """The versions that an unfinished rollback leads to."""
    if not intent.is_file():
        return None
    try:
        known = _TARGETS.validate_python(read_json_object(intent), strict=True)
        if not known:
            raise ValueError("it names no model")
    except ValueError as error:
        raise RawDataError(f"{intent} is damaged: delete it and roll back again") from error
    return known


def _previous_version(
    workspace: Workspace, variant: Variant, together: Sequence[Variant], config: PipelineConfig, store: Store
) -> str:
    files = ModelFiles(workspace.model(variant))
    if not files.previous.is_exported():
        raise ModelError(f"no model before the present {variant.upper()}: nothing to go back to")
    if not files.previous.is_published():
        raise ModelError(
            f"the {variant.upper()} in {files.previous.folder} never served with all songs in the index: nothing to go "
            "back to"
        )
    version, own = files.previous.export().model_version, files.previous.config()
    name = collection_name(variant, version, config)
    if name not in store.collections():
        raise SimSongError(
            f"the collection {name} of the previous {variant.upper()} is not in {store.address}: it is gone, or was "
            "written by an earlier version of SimSong. Nothing was changed"
        )
    others = [part for part in _SHARED if getattr(own, part) != getattr(config, part)]
    if others and len(together) == 1:
        raise ModelError(
            f"the previous {variant.upper()} was made with other settings of {' and '.join(others)}, which both "
            "variants share: roll back both. Nothing was changed"
        )
    return version


def _exchange(workspace: Workspace, variant: Variant, version: str, config: PipelineConfig, store: Store) -> RolledBack:
    """The model of that version in its place, and its vectors read back; again where it was done before."""
    files = ModelFiles(workspace.model(variant))
    files.recover()
    if not (files.is_exported() and files.export().model_version == version):
        if files.previous.export().model_version != version:
            raise ModelError(
                f"neither {files.folder} nor {files.previous.folder} is the model that {workspace.rollback_intent} "
                "names: delete that file and roll back again"
            )
        files.exchange_with_previous()
    files.choose()
    name = collection_name(variant, version, config)
    workspace.write(f"{variant}/track_vectors", _stored_vectors(store, name))
    return RolledBack(variant, name, store.aliases().get(alias_name(variant, config)), store.count(name))


def _stored_vectors(store: Store, name: str) -> pl.DataFrame:
    """The track_vectors frame as the collection holds it."""
    ids, rows = sorted(store.hashes(name)), []
    widths = (1, 1)
    for start in range(0, len(ids), _BATCH):
        for point in store.fetch(name, ids[start : start + _BATCH], with_vectors=True):
            audio, lyrics = point.vectors["audio"], point.vectors.get("lyrics")
            widths = (len(audio), len(point.vectors[SONG_VECTOR]) - len(audio) - OWN_DIMS)
            known = tuple(point.payload[field] for field in ("track_id", "content_hash", "model_version"))
            rows.append((*known, audio.tolist(), None if lyrics is None else lyrics.tolist()))
    arrays = [pl.Array(pl.Float32, width) for width in widths]
    schema = {"track_id": pl.String, "content_hash": pl.String, "model_version": pl.String}
    frame = pl.DataFrame(rows, schema={**schema, "audio": arrays[0], "lyrics": arrays[1]}, orient="row")
    return conform(frame.sort("track_id"), TRACK_VECTORS)
