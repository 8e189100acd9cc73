"""Bundles that the tests write by the format's rules, whole and damaged; and the checksum by its definition."""

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from simsong_pipeline.errors import ModelError
from simsong_pipeline.sources.tensorflow_bundle import TensorflowBundle, masked_crc32c


def slow_crc32c(data: bytes) -> int:
    """Bit by bit, as the remainder of a division in GF(2)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data: bytes) -> int:
    crc = slow_crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def varint(value: int) -> bytes:
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def entry(array: NDArray[np.float32], offset: int, dtype: int = 1) -> bytes:
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    content = array.tobytes()
    message = field(1, dtype) + field(2, shape) + (field(4, offset) if offset else b"") + field(5, len(content))
    return message + varint(6 << 3 | 5) + struct.pack("<I", masked(content))


def block(pairs: list[tuple[bytes, bytes]], interval: int = 2) -> bytes:
    """Keys that share a beginning with the one before leave it out, but for each `interval`th."""
    written, restarts, before = b"", [], b""
    for n, (key, value) in enumerate(pairs):
        shared = 0
        if n % interval:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        else:
            restarts.append(len(written))
        written += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    written += struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))
    return written + b"\0" + struct.pack("<I", masked(written + b"\0"))


def table(blocks: list[list[tuple[bytes, bytes]]]) -> bytes:
    """A table of several data blocks, an empty meta block, an index and a footer."""
    written, handles = b"", []
    for pairs in blocks:
        content = block(pairs)
        handles.append((pairs[-1][0], varint(len(written)) + varint(len(content) - 5)))
        written += content
    ends = []
    for content in (block([]), block(handles)):
        ends.append(varint(len(written)) + varint(len(content) - 5))
        written += content
    return written + b"".join(ends).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def bundle(tensors: dict[str, NDArray[np.float32]]) -> tuple[bytes, bytes]:
    """Index and data; two entries a block."""
    pairs, data = [(b"", field(1, 1) + field(3, field(1, 1)))], b""
    for name in sorted(tensors):
        pairs.append((name.encode(), entry(tensors[name], len(data))))
        data += tensors[name].tobytes()
    return table([pairs[n : n + 2] for n in range(0, len(pairs), 2)]), data


@pytest.fixture
def tensors() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    shapes = {"a/kernel": (7, 3, 1, 5), "a/kernel/Adam": (7, 3, 1, 5), "a/bias": (5,), "power": (), "z": (130, 2)}
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def test_checksum_is_that_of_the_definition_and_of_the_standard() -> None:
    assert slow_crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    for data in (b"", b"\0", b"123456789", bytes(range(256)) * 3):
        assert masked_crc32c(data) == masked(data)


def test_tensors_come_back_from_several_blocks_and_shortened_keys(tensors: dict[str, NDArray[np.float32]]) -> None:
    read = TensorflowBundle("test", *bundle(tensors))
    assert read.names == sorted(tensors)
    for name, expected in tensors.items():
        found = read.tensor(name)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


def test_each_damaged_tensor_is_named_and_the_others_are_read(tensors: dict[str, NDArray[np.float32]]) -> None:
    index, data = bundle(tensors)
    offset = 0
    for name in sorted(tensors):
        hurt = bytearray(data)
        hurt[offset + tensors[name].nbytes // 2] ^= 1
        read = TensorflowBundle("test", index, bytes(hurt))
        with pytest.raises(ModelError, match=f"test: tensor '{name}' is damaged"):
            read.tensor(name)
        for other in set(tensors) - {name}:
            np.testing.assert_array_equal(read.tensor(other), tensors[other])
        offset += tensors[name].nbytes


def test_a_data_file_that_was_cut_off_names_the_tensor(tensors: dict[str, NDArray[np.float32]]) -> None:
    index, data = bundle(tensors)
    with pytest.raises(ModelError, match="tensor 'z' is damaged"):
        TensorflowBundle("test", index, data[:-1]).tensor("z")


def test_no_bit_of_the_index_can_change_unnoticed(tensors: dict[str, NDArray[np.float32]]) -> None:
    index, data = bundle(tensors)
    meta = index.index(block([]))  # it decides nothing
    for at in (n for n in range(len(index) - 48) if not meta <= n < meta + len(block([]))):
        hurt = bytearray(index)
        hurt[at] ^= 1 << at % 8
        with pytest.raises(ModelError, match="test: the index is damaged"):
            TensorflowBundle("test", bytes(hurt), data)


@pytest.mark.parametrize("left", [0, 7, 47, 200])
def test_an_index_that_was_cut_off_is_damaged(tensors: dict[str, NDArray[np.float32]], left: int) -> None:
    index, data = bundle(tensors)
    with pytest.raises(ModelError, match="the index is damaged"):
        TensorflowBundle("test", index[:left], data)


def test_what_is_not_there_or_no_float_is_named(tensors: dict[str, NDArray[np.float32]]) -> None:
    with pytest.raises(ModelError, match="no tensor 'b'"):
        TensorflowBundle("test", *bundle(tensors)).tensor("b")
    whole = np.zeros(2, np.float32)
    index = table([[(b"", field(1, 1)), (b"steps", entry(whole, 0, dtype=3))]])
    with pytest.raises(ModelError, match="'steps' is no float32"):
        TensorflowBundle("test", index, whole.tobytes()).tensor("steps")


@pytest.mark.parametrize("header", [field(1, 2), field(1, 1) + field(2, 1), b""])
def test_several_data_files_and_big_endian_bundles_are_refused(header: bytes) -> None:
    with pytest.raises(ModelError, match="little-endian bundle of one data file"):
        TensorflowBundle("test", table([[(b"", header)]]), b"")
