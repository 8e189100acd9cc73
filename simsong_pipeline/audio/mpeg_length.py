"""How long an MP3 says it is: the count of frames in its Xing, Info or VBRI header, where that can be believed.

Any other length of an MP3 is a guess from its first frames' bit rate.
"""

from typing import BinaryIO

from simsong_pipeline.audio.first_bytes import after_id3

_SAMPLE_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_MPEG_1, _LAYER_3, _MONO = 3, 1, 3
# Kilobits a second, by the standard.
_LOWEST, _HIGHEST = 8, 320
_HAS_FRAMES, _HAS_BYTES, _ALL = 1, 2, 15


def stated_seconds(file: BinaryIO) -> float | None:
    """The length by the file's header; null where it has none, or one that contradicts itself.

    A count of zero, or one at which no bit rate of the standard gives the stated bytes, is no length.
    """
    file.seek(after_id3(file))
    frame = file.read(256)
    size = file.seek(0, 2)
    rate = _sample_rate(frame)
    if rate is None:
        return None
    version, mode = frame[1] >> 3 & 3, frame[3] >> 6
    count, stated_bytes, silent = _xing(frame, version, mode) or _vbri(frame) or (0, 0, 0)
    seconds = (count * (1152 if version == _MPEG_1 else 576) - silent) / rate
    kilobits = (stated_bytes or size) * 8 / 1000
    is_consistent = _LOWEST * seconds <= kilobits and (not stated_bytes or kilobits <= 1.1 * _HIGHEST * seconds + 16)
    return seconds if count and is_consistent else None


def _sample_rate(frame: bytes) -> int | None:
    """That of a frame of layer III; null where `frame` is none."""
    if len(frame) < 200 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0 or frame[1] >> 1 & 3 != _LAYER_3:
        return None
    rates = _SAMPLE_RATES.get(frame[1] >> 3 & 3)
    index = frame[2] >> 2 & 3
    return None if rates is None or index == 3 else rates[index]


def _xing(frame: bytes, version: int, mode: int) -> tuple[int, int, int] | None:
    """Frames, bytes, and the samples that an encoder adds at both ends; zero where not stated.

    The header lies behind the frame's side information, what LAME adds to it behind its four fields.
    """
    side = (17 if mode == _MONO else 32) if version == _MPEG_1 else (9 if mode == _MONO else 17)
    tag = frame[4 + side :]
    if tag[:4] not in (b"Xing", b"Info"):
        return None
    flags = int.from_bytes(tag[4:8], "big")
    fields = [int.from_bytes(tag[at : at + 4], "big") for at in (8, 12)]
    count = fields.pop(0) if flags & _HAS_FRAMES else 0
    gap = int.from_bytes(tag[141:144], "big") if flags & _ALL == _ALL and tag[120:121].isalpha() else 0
    return count, fields.pop(0) if flags & _HAS_BYTES else 0, (gap >> 12) + (gap & 0xFFF)


def _vbri(frame: bytes) -> tuple[int, int, int] | None:
    tag = frame[36:]
    if tag[:4] != b"VBRI":
        return None
    return int.from_bytes(tag[14:18], "big"), int.from_bytes(tag[10:14], "big"), 0
