"""Where a Qdrant server is, if there is one."""

import os

from simsong_pipeline.config import StoreConfig
from simsong_pipeline.redaction import remember_address


def server_url(config: StoreConfig) -> str | None:
    """Address of the server, from the configuration or `QDRANT_URL`; null for the embedded folder."""
    url = (config.url or os.environ.get("QDRANT_URL") or "").strip()
    remember_address(url)
    return url or None
