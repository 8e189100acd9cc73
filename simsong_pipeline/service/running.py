"""The server around the application: its socket, its limits, and how long a client may take."""

import asyncio
import gc
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.remote.address import is_loopback
from simsong_pipeline.service.app import app_of
from simsong_pipeline.service.service import Service

_HEADER_S, _HEADER_BYTES = 15.0, 65_536
_GRACE_S = 5


class _ImpatientProtocol(HttpToolsProtocol):
    """Closes a connection whose headers do not come in time, however slowly they drip, or do not end."""

    _is_waiting, _seen = True, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(_HEADER_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._seen += len(data) if self._is_waiting else 0
        if self._seen > _HEADER_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._late.cancel()
        self._late = self.loop.call_later(_HEADER_S, self.transport.close)
        self._is_waiting, self._seen = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._late.cancel()
        self._is_waiting, self._seen = False, 0
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)


def listening_sockets(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets at one address, to which the system deals connections out; raises as `listening_socket`.

    Raises:
        SimSongError: there are to be several, and the system deals nothing out.
    """
    if count == 1:
        return [listening_socket(host, port)]
    if not sys.platform.startswith("linux"):
        raise SimSongError("--workers needs Linux: leave it out")
    with listening_socket(host, port) as first:  # which says that nobody is there
        own = first.getsockname()[1]
    return [listening_socket(host, own, is_shared=True) for _ in range(count)]


def listening_socket(host: str, port: int, is_shared: bool = False) -> socket.socket:
    """A socket at an address; port 0 takes a free one.

    Args:
        is_shared: with others of this user's at the same port.

    Raises:
        SimSongError: the port is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024, reuse_port=is_shared)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise SimSongError(f"cannot listen at {host} port {port} ({said}): choose another --port or --host") from error


def server_of(service: Service, metrics_port: int | None = None) -> uvicorn.Server:
    """A server for the service; run it with its sockets. It logs no address, for a key may be in it.

    Args:
        metrics_port: of the second socket, where there is one.
    """
    settings = service.settings
    options: dict[str, Any] = {
        "http": _ImpatientProtocol,
        "ws": "none",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "limit_concurrency": settings.max_connections,
        "timeout_graceful_shutdown": _GRACE_S,
    }
    return uvicorn.Server(uvicorn.Config(app_of(service, metrics_port), host=settings.host, **options))


def run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    """Serve until the server is told to stop."""
    # A thread that answers lets the one that talks to clients in five times as soon; what is there for good is not
    # gone through again and again for garbage.
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    server.run(sockets=sockets)


def address_of(host: str, port: int) -> str:
    """What to type into a browser."""
    shown = "localhost" if is_loopback(host) and ":" not in host else f"[{host}]" if ":" in host else host
    return f"http://{'127.0.0.1' if shown == 'localhost' else shown}:{port}/"
