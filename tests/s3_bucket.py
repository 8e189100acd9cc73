"""A bucket for homes and manifests: moto's S3 server on loopback where s3fs and moto are installed, else a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import fsspec
import pytest

_OWNER = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def bucket(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty one, which every process that is begun meanwhile can reach."""
    if find_spec("s3fs") is None or find_spec("moto") is None:
        (folder / "bucket").mkdir()
        yield f"file://{folder}/bucket"
        return
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {**_OWNER, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir("bucket")
        yield "s3://bucket"
    finally:
        server.stop()
