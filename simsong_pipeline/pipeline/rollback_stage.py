"""Back to the model before: its folder, its collection, its vectors. Doing it twice goes forward again."""

from dataclasses import dataclass

import polars as pl

from simsong_pipeline.config import PipelineConfig, Variant
from simsong_pipeline.errors import ModelError, SimSongError
from simsong_pipeline.pipeline.index_stage import alias_name, collection_name
from simsong_pipeline.pipeline.model_files import ModelFiles
from simsong_pipeline.pipeline.workspace import Workspace
from simsong_pipeline.schemas import TRACK_VECTORS, conform
from simsong_pipeline.stores.opening import Store

_BATCH = 500


@dataclass(frozen=True)
class RolledBack:
    """What serves now, and how many songs it knows."""

    variant: Variant
    collection: str
    before: str | None
    songs: int


def roll_back(workspace: Workspace, variant: Variant, config: PipelineConfig) -> RolledBack:
    """Serve a variant by its previous model and that model's collection.

    The vectors are read back from the index, so that the next night embeds only what came since, and the home's
    configuration becomes the one that the model was trained by, so that the next run does not train the present one
    again. Killed in between, the same call finishes it.

    Raises:
        SimSongError: there is no previous model, or its collection is gone.
    """
    files = ModelFiles(workspace.model(variant))
    with workspace.lock(), workspace.store(config.store) as store:
        files.recover()
        served = store.aliases().get(alias_name(variant, config))
        half_done = _collection(files, variant, config)
        if half_done == served or half_done not in store.collections():
            wanted = _collection(files.previous, variant, config)
            if wanted not in store.collections():
                raise SimSongError(
                    f"the collection {wanted} of the previous {variant.upper()} is gone from {store.address}: nothing "
                    "was changed"
                )
            files.exchange_with_previous()
        name = _collection(files, variant, config)
        workspace.write(f"{variant}/track_vectors", _stored_vectors(store, name))
        workspace.save_config(_trained_by(files, config))
        aliases = {alias_name(variant, config): name}
        store.point_aliases(aliases | ({config.store.collection: name} if variant == config.serve else {}))
        return RolledBack(variant, name, served, store.count(name))


def has_previous(workspace: Workspace, variant: Variant) -> bool:
    """Whether there is a model to go back to."""
    files = ModelFiles(workspace.model(variant))
    return files.previous.is_exported() or files.is_half_exchanged()


def _collection(files: ModelFiles, variant: Variant, config: PipelineConfig) -> str:
    if not files.is_exported():
        raise ModelError(f"no model before the present {variant.upper()}: nothing to go back to")
    return collection_name(variant, files.export().model_version, config)


def _trained_by(files: ModelFiles, config: PipelineConfig) -> PipelineConfig:
    """The present configuration, with what training depends on as the model was trained by."""
    own = files.config()
    parts = {name: getattr(own, name) for name in ("log_mel", "segments", "lyrics", "encoder", "train")}
    return config.model_copy(update=parts)


def _stored_vectors(store: Store, name: str) -> pl.DataFrame:
    """The track_vectors frame as the collection holds it."""
    ids, rows = sorted(store.hashes(name)), []
    widths = (0, 0)
    for start in range(0, len(ids), _BATCH):
        for point in store.fetch(name, ids[start : start + _BATCH], with_vectors=True):
            lyrics = point.vectors.get("lyrics")
            audio = point.vectors["audio"]
            widths = (len(audio), len(point.vectors["song"]) - len(audio) - 2)
            payload = point.payload
            known = (payload["track_id"], payload["content_hash"], payload["model_version"])
            rows.append((*known, audio.tolist(), None if lyrics is None else lyrics.tolist()))
    arrays = [pl.Array(pl.Float32, width) for width in widths]
    schema = {"track_id": pl.String, "content_hash": pl.String, "model_version": pl.String}
    frame = pl.DataFrame(rows, schema={**schema, "audio": arrays[0], "lyrics": arrays[1]}, orient="row")
    return conform(frame.sort("track_id"), TRACK_VECTORS)
