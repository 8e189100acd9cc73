"""Builds the index of one shard: `python -m simsong_pipeline.stores.edge_index FOLDER`, which the store runs apart."""

import fcntl
import os
import select
import sys

import qdrant_edge as edge


def build(path: str) -> None:
    """Merge the segments of the shard at `path` and build their graphs."""
    shard = edge.EdgeShard.load(path)
    shard.optimize()
    shard.flush()
    shard.close()


def end_with_parent() -> None:
    """End this process when the one at the other end of standard input ends, be it killed.

    Otherwise it would go on holding the shard, and nobody could open it for as long as the index takes. A thread that
    waits for the end could not do this: the engine keeps the interpreter's lock. The kernel's SIGIO needs none.
    """
    fcntl.fcntl(sys.stdin, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(sys.stdin, fcntl.F_SETFL, fcntl.fcntl(sys.stdin, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([sys.stdin], [], [], 0)[0]:  # it ended before the signal was asked for
        sys.exit("the process that asked for the index has ended")


if __name__ == "__main__":
    end_with_parent()
    build(sys.argv[1])
