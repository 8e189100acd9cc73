"""What a collection of a Qdrant server is made with, brought up to, and searched with, as the configuration says.

Null leaves a setting to the server. The number of shards is decided when a collection is made; the rest can change.
"""

from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from simsong_pipeline.config import HnswConfig, QuantizationConfig, StoreConfig
from simsong_pipeline.points import OWN_DIMS, SONG_VECTOR, SOUND_VECTOR

_PARAMS = {
    "replication_factor": "replication_factor",
    "write_consistency_factor": "write_consistency_factor",
    "on_disk_payload": "payload_on_disk",
}


def named_vectors(
    config: StoreConfig, audio_dim: int, lyric_dim: int, sound_dim: int | None
) -> dict[str, models.VectorParams]:
    """Of a new collection; `sound` is there where its width is given."""
    cosine, on_disk = models.Distance.COSINE, config.vectors_on_disk or None
    song = audio_dim + lyric_dim + OWN_DIMS
    vectors = {
        "audio": models.VectorParams(size=audio_dim, distance=cosine, on_disk=on_disk),
        "lyrics": models.VectorParams(size=lyric_dim, distance=cosine, on_disk=on_disk),
        SONG_VECTOR: models.VectorParams(size=song, distance=models.Distance.DOT, on_disk=on_disk),
    }
    if sound_dim is not None:
        vectors[SOUND_VECTOR] = models.VectorParams(size=sound_dim, distance=cosine, on_disk=on_disk)
    return vectors


def made_with(config: StoreConfig) -> dict[str, Any]:
    """What `create_collection` is given besides the vectors: only what the configuration decides."""
    wanted: dict[str, Any] = {"shard_number": config.shard_number} | _params(config)
    wanted |= {"hnsw_config": _graph(config.hnsw), "quantization_config": _small_vectors(config.quantization)}
    return {name: value for name, value in wanted.items() if value is not None}


@dataclass(frozen=True)
class Change:
    """How a collection that is there differs from the configuration.

    Attributes:
        updates: what `update_collection` is given; empty where nothing differs.
        lasting: what cannot be changed in place, in words; empty where nothing is.
    """

    updates: dict[str, Any]
    lasting: str


def change_of(config: StoreConfig, present: models.CollectionConfig) -> Change:
    """What brings a collection to the configuration; what this leaves to the server stays as it is."""
    params, updates = present.params, dict[str, Any]()
    other = {name: value for name, value in _params(config).items() if getattr(params, name) != value}
    if other:
        updates["collection_params"] = models.CollectionParamsDiff(**other)
    graph = _graph(config.hnsw)
    if graph is not None and _differs(graph, present.hnsw_config):
        updates["hnsw_config"] = graph
    small = _small_vectors(config.quantization)
    if small is None and present.quantization_config is not None:
        updates["quantization_config"] = models.Disabled.DISABLED
    elif small is not None and not _is_like(small, present.quantization_config):
        updates["quantization_config"] = small
    vectors = params.vectors if isinstance(params.vectors, dict) else {}
    moved = {n: v for n, v in vectors.items() if bool(v.on_disk) != config.vectors_on_disk}
    if moved:
        updates["vectors_config"] = {n: models.VectorParamsDiff(on_disk=config.vectors_on_disk) for n in moved}
    wanted, shards = config.shard_number, params.shard_number
    lasting = "" if wanted is None or wanted == shards else f"{shards} shards, and shard_number is {wanted}"
    return Change(updates, lasting)


def search_params(config: StoreConfig, hnsw_ef: int) -> models.SearchParams:
    """Of each question."""
    small = config.quantization
    asked = models.QuantizationSearchParams(rescore=small.rescore, oversampling=small.oversampling)
    return models.SearchParams(hnsw_ef=hnsw_ef, quantization=asked if small.kind == "int8" else None)


def _params(config: StoreConfig) -> dict[str, Any]:
    values = {name: getattr(config, field) for name, field in _PARAMS.items()}
    return {name: value for name, value in values.items() if value is not None}


def _graph(config: HnswConfig) -> models.HnswConfigDiff | None:
    if config == HnswConfig():
        return None
    return models.HnswConfigDiff(m=config.m, ef_construct=config.ef_construct, on_disk=config.on_disk)


def _small_vectors(config: QuantizationConfig) -> models.ScalarQuantization | None:
    if config.kind == "none":
        return None
    int8 = models.ScalarQuantizationConfig(
        type=models.ScalarType.INT8, quantile=config.quantile, always_ram=config.always_ram
    )
    return models.ScalarQuantization(scalar=int8)


def _differs(wanted: models.HnswConfigDiff, present: models.HnswConfig) -> bool:
    given = wanted.model_dump(exclude_none=True)
    return any((getattr(present, name) or False) != (value or False) for name, value in given.items())


def _is_like(wanted: models.ScalarQuantization, present: object) -> bool:
    if not isinstance(present, models.ScalarQuantization):
        return False
    ours, theirs = wanted.scalar, present.scalar
    # A server keeps single precision.
    near = theirs.quantile is not None and abs(theirs.quantile - (ours.quantile or 0)) < 1e-6
    return near and bool(theirs.always_ram) == ours.always_ram
