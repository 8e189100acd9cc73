"""One more process of a service: with a copy of the index of its own, at the same port, until its standard input ends.

`python -m simsong_pipeline.service.worker`, by `workers`.
"""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from pydantic import BaseModel

from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.redaction import guard_logs
from simsong_pipeline.service.running import run, server_of
from simsong_pipeline.service.service import opened_service
from simsong_pipeline.service.settings import ServiceSettings

READY = "ready"


class Order(BaseModel):
    """What a worker is told, a line of JSON.

    Attributes:
        socket: number of the one that it listens at.
        folder: of the service.
    """

    home: Path
    settings: ServiceSettings
    qdrant_url: str | None
    folder: Path
    socket: int


def main() -> None:
    """Say so when it is ready, and serve."""
    guard_logs()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that began this one
    order = Order.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    with (
        socket.socket(fileno=order.socket) as listening,
        opened_service(Workspace(order.home), order.settings, order.qdrant_url, folder=order.folder) as service,
    ):
        sys.stdout.write(f"{READY}\n")
        sys.stdout.flush()
        run(server_of(service), [listening])


def _end_with_the_input() -> None:
    """It ends when the process at its other end does, however that comes."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
