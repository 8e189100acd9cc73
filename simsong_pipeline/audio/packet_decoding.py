"""Decodes by PyAV, packet by packet: one that is damaged costs its own length, not what follows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from simsong_pipeline.audio.container import first_audio, opened_container, packets

# Containers whose duration FFmpeg takes from a header or an index. It guesses that of raw streams (mp3, aac) by their
# bit rate, and a wav file that libsndfile does not read has a header that is wrong.
_STATED = ("mov", "matroska", "flac", "ogg", "asf", "caf", "aiff")
_FIRST_BUFFER_S = 30
# What an encoder adds at the ends and a container rounds: so much less than is stated says nothing by itself.
_IMPRECISE_S = 0.25


@dataclass(frozen=True)
class Stretch:
    """Samples [channels, n] at one rate. A recording is one stretch, unless its rate or channels change within it."""

    planes: NDArray[np.float32]
    rate: int


@dataclass(frozen=True)
class Decoded:
    """What came out, what the container states where it can be believed, and what damaged packets cost."""

    stretches: list[Stretch]
    declared_s: float | None
    lost_s: float

    @property
    def seconds(self) -> float:
        """Length of what came out."""
        return _seconds_of(self.stretches)


def _seconds_of(stretches: list[Stretch]) -> float:
    return float(sum(s.planes.shape[1] / s.rate for s in stretches))


class _Damage:
    """Adds up what packets that could not be decoded would have lasted."""

    def __init__(self) -> None:
        self._between, self._since, self._any = 0.0, 0.0, False

    def packet(self, seconds: float) -> None:
        """A packet that gave nothing."""
        self._any = True
        self._since += seconds

    def sound(self) -> None:
        """What came before it lies between two sounds."""
        self._between, self._since = self._between + self._since, 0.0

    def lost(self, missing: float | None) -> float:
        """Seconds; `missing` is what there is less than the container states, where it does.

        Else what follows the last sound is no loss but something else at the end of the file: tags, zeros.
        """
        if missing is None:
            return self._between
        return max(0.0, missing) if self._any or missing > _IMPRECISE_S else 0.0


class _Growing:
    """Gathers frames in one array that doubles: memory that is touched once costs less than many small arrays."""

    def __init__(self, first: NDArray[np.float32], rate: int) -> None:
        self.rate = rate
        self._planes = np.empty((len(first), _FIRST_BUFFER_S * rate + first.shape[1]), np.float32)
        self.size = 0

    def fits(self, planes: NDArray[np.float32], rate: int) -> bool:
        """True for frames of the same rate and channels."""
        return rate == self.rate and len(planes) == len(self._planes)

    def add(self, planes: NDArray[np.float32]) -> None:
        end = self.size + planes.shape[1]
        if end > self._planes.shape[1]:
            larger = np.empty((len(self._planes), 2 * end), np.float32)
            larger[:, : self.size] = self._planes[:, : self.size]
            self._planes = larger
        self._planes[:, self.size : end] = planes
        self.size = end

    def stretch(self, most: int) -> Stretch:
        return Stretch(self._planes[:, : min(self.size, most)], self.rate)


def decode_packets(source: Path | BinaryIO, max_seconds: float, stated_s: float | None = None) -> Decoded:
    """At most `max_seconds` from the start.

    Args:
        stated_s: the length of the recording where the caller knows it better than FFmpeg.

    Raises:
        OSError, MemoryError: the file cannot be read, or not now.
        av.FFmpegError, AudioError: nothing in it can be read.
    """
    with opened_container(source) as container:
        stream = first_audio(container)
        declared = stated_s or _stated_seconds(container, stream)
        stretches: list[_Growing] = []
        damage, left = _Damage(), max_seconds
        for planes, rate in _pieces(container, stream, damage):
            damage.sound()
            if not stretches or not stretches[-1].fits(planes, rate):
                stretches.append(_Growing(planes, rate))
            stretches[-1].add(planes)
            left -= planes.shape[1] / rate
            if left <= 0:
                break
    heard = _cut(stretches, max_seconds)
    missing = None if declared is None else min(declared, max_seconds) - _seconds_of(heard)
    return Decoded(heard, declared, damage.lost(missing))


def _cut(stretches: list[_Growing], max_seconds: float) -> list[Stretch]:
    kept = []
    for stretch in stretches:
        kept.append(stretch.stretch(int(max_seconds * stretch.rate)))
        max_seconds -= stretch.size / stretch.rate
    return kept


def _pieces(
    container: InputContainer, stream: AudioStream, damage: _Damage
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Samples [channels, n] and their rate.

    Damage before the first sound is what stands in front of the recording, and is not counted.
    """
    heard = False
    for packet in packets(container, stream):
        try:
            frames = stream.decode(packet)
        except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
            raise
        except (av.FFmpegError, ValueError):
            if heard:
                damage.packet(_seconds(packet))
            continue
        for frame in frames:
            if frame.samples and frame.sample_rate:
                heard = True
                yield _planes(frame), frame.sample_rate


def _seconds(packet: "av.Packet[AudioStream]") -> float:
    return float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0


def _planes(frame: av.AudioFrame) -> NDArray[np.float32]:
    """[channels, n] in [-1, 1], whatever form the decoder gives."""
    samples: NDArray[np.generic] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - np.float32(128)) / np.float32(128)
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / np.float32(2.0 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float32, copy=False)


def _stated_seconds(container: InputContainer, stream: AudioStream) -> float | None:
    """The stream's own length, else that of a container which holds nothing else."""
    if not container.format.name.startswith(_STATED):
        return None
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return None
