"""What a fake provider is made of: answers, good ones and bad ones, and a server on loopback."""

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, TypeVar

_PACKED = gzip.compress(b"0" * 50_000_000, compresslevel=1)
Reply = Callable[[BaseHTTPRequestHandler], None]
CAPTCHA = (
    "<html><head><title>Just a moment...</title></head><body><form id='challenge-form' class='cf-challenge'>"
    "<p>Verify you are human by completing the action below.</p></form></body></html>"
)


class Fake(Protocol):
    """A script that answers; `address` is where it is served."""

    address: str

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Send what the script says."""


def reply(body: str | bytes, status: int = 200, kind: str = "text/html", **headers: str) -> Reply:
    """A whole, honest answer."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        content = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def reset(handler: BaseHTTPRequestHandler) -> None:
    """The connection breaks in mid-body."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"<html>half")
    handler.wfile.flush()
    handler.connection.close()


def slow(handler: BaseHTTPRequestHandler) -> None:
    """A body that trickles on and on."""
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b"<p>x</p>")
        handler.wfile.flush()
        time.sleep(0.02)


def bomb(handler: BaseHTTPRequestHandler) -> None:
    """A few kilobytes that unpack to fifty megabytes."""
    reply(_PACKED, Content_Encoding="gzip")(handler)


F = TypeVar("F", bound=Fake)


@contextmanager
def serve(fake: F) -> Iterator[F]:
    """Run the server while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                fake.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the client had enough

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
