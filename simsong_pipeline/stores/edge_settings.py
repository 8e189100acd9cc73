"""What a shard of the embedded engine is made with, and searched with, as the configuration says."""

import qdrant_edge as edge

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.points import OWN_DIMS, SONG_VECTOR, SOUND_VECTOR

_M, _EF_CONSTRUCT, _SCANNED = 16, 128, 10_000


def shard_config(config: StoreConfig, audio_dim: int, lyric_dim: int, sound_dim: int | None) -> edge.EdgeConfig:
    """Of a new shard. Only `song` has a graph and small vectors; the others are searched exactly."""
    memory = edge.Memory.Cold if config.vectors_on_disk else None
    exact, cosine = edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=_SCANNED), edge.Distance.Cosine
    widths = {"audio": audio_dim, "lyrics": lyric_dim} | ({} if sound_dim is None else {SOUND_VECTOR: sound_dim})
    vectors = {
        name: edge.EdgeVectorParams(size=width, distance=cosine, hnsw_config=exact, memory=memory)
        for name, width in widths.items()
    }
    vectors[SONG_VECTOR] = edge.EdgeVectorParams(
        size=audio_dim + lyric_dim + OWN_DIMS,
        distance=edge.Distance.Dot,
        memory=memory,
        quantization_config=_small_vectors(config),
    )
    graph = edge.HnswIndexConfig(
        m=config.hnsw.m or _M,
        ef_construct=config.hnsw.ef_construct or _EF_CONSTRUCT,
        full_scan_threshold=_SCANNED,
        memory=edge.Memory.Cold if config.hnsw.on_disk else None,
    )
    payload = None if config.payload_on_disk is None else _cold_if(config.payload_on_disk)
    return edge.EdgeConfig(vectors=vectors, hnsw_config=graph, wal_enabled=True, payload_memory=payload)


def search_params(config: StoreConfig, hnsw_ef: int) -> edge.SearchParams:
    """Of each question."""
    small = config.quantization
    if small.kind == "none":
        return edge.SearchParams(hnsw_ef=hnsw_ef)
    asked = edge.QuantizationSearchParams(rescore=small.rescore, oversampling=small.oversampling)
    return edge.SearchParams(hnsw_ef=hnsw_ef, quantization=asked)


def _small_vectors(config: StoreConfig) -> edge.ScalarQuantizationConfig | None:
    small = config.quantization
    if small.kind == "none":
        return None
    memory = edge.Memory.Pinned if small.always_ram else _cold_if(config.vectors_on_disk)
    return edge.ScalarQuantizationConfig(type=edge.ScalarType.Int8, quantile=small.quantile, memory=memory)


def _cold_if(on_disk: bool) -> edge.Memory:
    return edge.Memory.Cold if on_disk else edge.Memory.Cached
