"""Tensors out of a TensorFlow checkpoint bundle (`.index` and one data file), without TensorFlow.

The index is a LevelDB table whose values are protocol buffers, `BundleEntryProto`; the data file is the tensors one
after the other. Both are covered by masked CRC-32C, and all of it is checked, so damage is never read as weights.
What the numbers mean stands in the encoder that uses them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.errors import ModelError

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5  # of a block: its compression, and the checksum over both
_FLOAT32 = 1  # of TensorFlow's DataType
_DELTA = 0xA282EAD8


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies in the data file, what it is, and its masked CRC-32C."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class TensorflowBundle:
    """The float32 tensors of a bundle of one data file.

    Args:
        name: what to call the bundle in errors.
        index: content of the `.index` file.
        data: content of the `.data-00000-of-00001` file.

    Raises:
        ModelError: the index is damaged or of another format.
    """

    def __init__(self, name: str, index: bytes, data: bytes) -> None:
        self._name, self._data = name, memoryview(data)
        try:
            entries = dict(_table(index))
            header = _fields(entries.pop(b"", b""))
            self._entries = {key.decode(): _entry(value) for key, value in entries.items()}
        except (ValueError, IndexError, struct.error) as error:
            raise ModelError(f"{name}: the index is damaged ({error}); fetch the model again") from error
        if header.get(1) != [1] or header.get(2, [0]) != [0]:
            raise ModelError(f"{name}: only a little-endian bundle of one data file can be read")

    @property
    def names(self) -> list[str]:
        """The tensors' names, sorted as in the index."""
        return list(self._entries)

    def tensor(self, name: str) -> NDArray[np.float32]:
        """The tensor called `name`, as a copy.

        Raises:
            ModelError: there is none, it is no float32, or its bytes are not those that were written.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise ModelError(f"{self._name} has no tensor {name!r}")
        if entry.dtype != _FLOAT32 or entry.shard:
            raise ModelError(f"{self._name}: tensor {name!r} is no float32 of the first data file")
        content = self._data[entry.offset : entry.offset + entry.size]
        if entry.size != 4 * int(np.prod(entry.shape)) or masked_crc32c(content) != entry.checksum:
            raise ModelError(f"{self._name}: tensor {name!r} is damaged; fetch the model again")
        return np.frombuffer(content, "<f4").astype(np.float32).reshape(entry.shape)


def _table(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, in order: a block of blocks, found by the footer."""
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise ValueError("no table's footer at its end")
    footer = index[-_FOOTER:]
    _, at = _handle(footer, 0)  # of the meta blocks, which bundles leave empty
    (offset, size), _ = _handle(footer, at)
    for _, value in _block(index, offset, size):
        (offset, size), _ = _handle(value, 0)
        yield from _block(index, offset, size)


def _block(index: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of one block. A key is written as what differs from the one before."""
    covered = index[offset : offset + size + 1]
    (checksum,) = struct.unpack_from("<I", index, offset + size + 1)
    if masked_crc32c(covered) != checksum:
        raise ValueError(f"the block at byte {offset} does not match its checksum")
    if covered[-1]:
        raise ValueError("its blocks are compressed")
    content = covered[:-1]
    (restarts,) = struct.unpack("<I", content[-4:])
    at, end, key = 0, size - 4 - 4 * restarts, b""
    while at < end:
        shared, at = _varint(content, at)
        added, at = _varint(content, at)
        length, at = _varint(content, at)
        key = key[:shared] + content[at : at + added]
        at += added
        yield key, content[at : at + length]
        at += length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Offset and size of a block, and where to read on."""
    offset, at = _varint(data, at)
    size, at = _varint(data, at)
    return (offset, size), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer in groups of seven bits, the lowest first, and where to read on."""
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def _entry(message: bytes) -> _Entry:
    fields = _fields(message)
    numbers = [_number(fields, key) for key in (1, 3, 4, 5, 6)]
    shape = _fields(b"".join(v for v in fields.get(2, []) if isinstance(v, bytes)))
    dims = tuple(_number(_fields(v), 1) for v in shape.get(2, []) if isinstance(v, bytes))
    dtype, shard, offset, size, checksum = numbers
    if 7 in fields:
        raise ValueError("a tensor is split into slices")
    return _Entry(dtype, dims, shard, offset, size, checksum)


def _number(fields: dict[int, list[int | bytes]], key: int) -> int:
    """The last value of a field, 0 where it is left out."""
    value = fields.get(key, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {key} of an entry is no number")
    return value


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """The fields of a protocol buffer by number, in order: integers, or the bytes of what is longer."""
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _varint(message, at)
        elif tag & 7 == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif tag & 7 == 5:
            (value,), at = struct.unpack_from("<I", message, at), at + 4
        else:
            raise ValueError(f"an entry has a field of wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def masked_crc32c(data: bytes | memoryview) -> int:
    """CRC-32C (Castagnoli) of `data`, rotated and shifted as LevelDB stores it."""
    table, crc = _crc_table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + _DELTA) & 0xFFFFFFFF


@cache
def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901
        table.append(byte)
    return table
