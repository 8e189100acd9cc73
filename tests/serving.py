"""A service over a home, as `simsong serve` runs it: a real server in a thread, at a port of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.service.running import listening_socket, listening_sockets, server_of
from simsong_pipeline.service.service import Service, opened_service
from simsong_pipeline.service.settings import ServiceSettings
from simsong_pipeline.service.workers import workers


@dataclass(frozen=True)
class Served:
    """A running service; `metrics_port` where it has one."""

    service: Service
    url: str
    port: int
    metrics_port: int | None = None

    def client(self, **options: object) -> httpx.Client:
        """A client of it; close it after use."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False, **options)  # type: ignore[arg-type]


@contextmanager
def served(
    workspace: Workspace, wait_s: float | None = None, processes: int = 1, **settings: object
) -> Iterator[Served]:
    """A service that listens while the block lasts; with a key where SIMSONG_API_KEY is set.

    Args:
        processes: that answer; this one is the first of them.
    """
    asked = ServiceSettings(port=0, **settings)  # type: ignore[arg-type]
    with ExitStack() as opening:
        first, *others = (opening.enter_context(each) for each in listening_sockets("127.0.0.1", 0, processes))
        sockets = [first]
        if asked.metrics_port is not None:
            sockets.append(opening.enter_context(listening_socket(asked.metrics_host, asked.metrics_port)))
        service = opening.enter_context(opened_service(workspace, asked, wait_s=wait_s))
        port, *more = [int(socket.getsockname()[1]) for socket in sockets]
        server = server_of(service, *more)
        opening.enter_context(workers(service, others, None, lost=lambda: None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
        thread.start()
        try:
            ends = time.monotonic() + 30
            while not server.started and time.monotonic() < ends:
                time.sleep(0.01)
            assert server.started
            yield Served(service, f"http://127.0.0.1:{port}", port, *more)
        finally:
            server.should_exit = True
            thread.join()
