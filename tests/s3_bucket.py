"""A server of S3's protocol on loopback, moto's, and buckets in it for homes, raw data and manifests."""

import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import fsspec
import pytest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECRET = "wJalr-n0body-is-told/K7MDENG"
_OWNER = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1"}


class _OneAtATime:
    """moto looks whether a name is taken and then writes; S3 does both at once."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app, self._lock = app, threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        with self._lock:
            return list(self._app(environ, start))


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address. One a process is enough: fsspec keeps connections to the first that it was told of."""
    pytest.importorskip("s3fs", reason="the extra simsong[s3] is not installed")
    pytest.importorskip("moto", reason="moto[server,s3] is not installed: pip install -e .[dev]")
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Silent(WSGIRequestHandler):
        def log(self, type: str, message: str, *args: object) -> None:
            """Nobody reads which objects were asked for."""

    app = _OneAtATime(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def bucket(server: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty one, which every process that is begun meanwhile can reach."""
    for name, value in {**_OWNER, "AWS_ENDPOINT_URL": server}.items():
        patch.setenv(name, value)
    files, name = fsspec.filesystem("s3"), f"bucket-{uuid.uuid4().hex[:12]}"
    files.mkdir(name)
    yield f"s3://{name}"
    files.invalidate_cache()
    files.rm(name, recursive=True)
