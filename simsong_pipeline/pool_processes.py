"""Processes of a pool that end with the one that began them."""

import multiprocessing
import os
import threading
from multiprocessing.connection import wait


def end_with_parent() -> None:
    """For a process of a pool: end as soon as the process that began it has ended, and be it killed.

    Otherwise it works on what nobody takes any more, beside the run that goes on, and then waits for ever: the queue
    that it reads is held open by itself.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None, "only for a process that another one began"
    threading.Thread(target=_watch, args=(parent.sentinel,), daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
