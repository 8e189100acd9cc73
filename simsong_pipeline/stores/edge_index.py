"""Builds the index of one shard: `python -m simsong_pipeline.stores.edge_index FOLDER`, which the store runs apart."""

import sys

import qdrant_edge as edge


def build(path: str) -> None:
    """Merge the segments of the shard at `path` and build their graphs."""
    shard = edge.EdgeShard.load(path)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    build(sys.argv[1])
