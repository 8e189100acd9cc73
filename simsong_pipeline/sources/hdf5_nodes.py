"""Tables and arrays of an HDF5 file that a stranger may have made: no links, nothing in other files, no bombs."""

import h5py

from simsong_pipeline.sources.limits import CELL_BYTES, ROWS


def node_of(file: h5py.File, group: str, name: str) -> h5py.Dataset:
    """A dataset of a group. Links are not followed: they may lead in a circle, or to any other file.

    Raises:
        ValueError: it is missing or no such dataset, or has more rows, or pieces of more bytes, than real ones.
    """
    node = file
    for part in (group, name):
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise ValueError(f"{part} of {node.name} is missing, or a link")
        node = node[part]
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise ValueError(f"{node.name} is no table, or lies in another file")
    _refuse_large(node)
    return node


def _refuse_large(node: h5py.Dataset) -> None:
    if not node.shape or node.shape[0] > ROWS:
        raise ValueError(f"{node.name} has {node.shape[0]:,} rows" if node.shape else f"{node.name} has no rows")
    piece = node.dtype.itemsize
    for length in node.chunks or node.shape[1:]:
        piece *= length
    if piece > CELL_BYTES:
        raise ValueError(f"{node.name} is packed in pieces of {piece:,} bytes, which no data set's are")
