"""Settings of a collection that an embedded engine has no use for, so that a night can say so."""

from simsong_pipeline.config import StoreConfig

_SERVER = ("shard_number", "replication_factor", "write_consistency_factor")
_ENGINE = ("vectors_on_disk", "payload_on_disk", "quantization", "hnsw")


def ignored_settings(config: StoreConfig) -> list[str]:
    """Those that were set and that the configured embedded engine leaves aside; a server heeds all of them."""
    plain, names = StoreConfig(), _SERVER if config.engine == "edge" else (*_SERVER, *_ENGINE)
    return [name for name in names if getattr(config, name) != getattr(plain, name)]
