"""More processes that answer for one service: the embedded engine lets one thread of a process search at a time.

Each has a copy of the index of its own; the system deals connections out to them. What a person keeps, and the page's
sessions, lie in files that all of them read.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from simsong_pipeline.errors import SimSongError
from simsong_pipeline.service.service import Service
from simsong_pipeline.service.worker import READY, Order

_Process = subprocess.Popen[str]
_END_S = 20.0


@contextmanager
def workers(
    service: Service, sockets: Sequence[socket.socket], qdrant_url: str | None, lost: Callable[[], None]
) -> Iterator[None]:
    """A process at each of the sockets, all of them ready; they end with the block.

    Args:
        lost: called in a thread when one of them ends by itself.

    Raises:
        SimSongError: one of them did not start, or ended by itself.
    """
    with ExitStack() as stack:
        processes = [stack.enter_context(_worker(service, one, qdrant_url)) for one in sockets]
        for process in processes:
            _await(process)
        for process in processes:
            threading.Thread(target=_watch, args=(process, lost), daemon=True).start()
        yield
        for process in processes:
            if (status := process.poll()) is not None:
                raise SimSongError(f"a worker ended by itself (exit {status}): start the service again")


@contextmanager
def _worker(service: Service, listening: socket.socket, qdrant_url: str | None) -> Iterator[_Process]:
    command = [sys.executable, "-m", "simsong_pipeline.service.worker"]
    number = listening.fileno()
    order = Order(
        home=service.workspace.home,
        settings=service.settings,
        qdrant_url=qdrant_url,
        folder=service.folder,
        socket=number,
    )
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[number]
    ) as process:
        listening.close()  # its own alone: what is dealt out to a socket that nobody reads from is never answered
        assert process.stdin is not None
        process.stdin.write(f"{order.model_dump_json()}\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            _end(process)


def _await(process: _Process) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() != READY:
        raise SimSongError(f"a worker did not start (exit {process.wait()}): the reason stands above")


def _watch(process: _Process, lost: Callable[[], None]) -> None:
    process.wait()
    lost()


def _end(process: _Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
