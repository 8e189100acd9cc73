"""A service over a home, as `simsong serve` runs it: a real server in a thread, at a port of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.running import listening_socket, server_of
from simsong_pipeline.service.service import Service, opened_service
from simsong_pipeline.service.settings import ServiceSettings


@dataclass(frozen=True)
class Served:
    """A running service."""

    service: Service
    url: str
    port: int

    def client(self, **options: object) -> httpx.Client:
        """A client of it; close it after use."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False, **options)  # type: ignore[arg-type]


@contextmanager
def served(workspace: Workspace, wait_s: float | None = None, **settings: object) -> Iterator[Served]:
    """A service that listens while the block lasts; with a key where SIMSONG_API_KEY is set."""
    asked = ServiceSettings(port=0, **settings)  # type: ignore[arg-type]
    with listening_socket("127.0.0.1", 0) as listening, opened_service(workspace, asked, wait_s=wait_s) as service:
        port = int(listening.getsockname()[1])
        server = server_of(service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            ends = time.monotonic() + 30
            while not server.started and time.monotonic() < ends:
                time.sleep(0.01)
            assert server.started
            yield Served(service, f"http://127.0.0.1:{port}", port)
        finally:
            server.should_exit = True
            thread.join()
