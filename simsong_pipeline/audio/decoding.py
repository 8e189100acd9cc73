"""Recordings to 16 kHz mono: libsndfile for what it hears whole, PyAV for the rest, soxr to resample.

What kind of file it is shows in its first bytes, not in its name. MP3 goes through PyAV, though libsndfile reads it in
the same time: libsndfile ends at a length that it guesses, gives up at damage, and its decoder writes to the terminal.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from simsong_pipeline.audio.first_bytes import is_for_libsndfile
from simsong_pipeline.audio.mono import mixed
from simsong_pipeline.audio.mpeg_length import stated_seconds
from simsong_pipeline.audio.ogg_links import link_starts
from simsong_pipeline.audio.packet_decoding import Decoded, Stretch, decode_packets
from simsong_pipeline.errors import AudioError, unread
from simsong_pipeline.files import read_through

# Of libsndfile: a call of the system failed. Damaged files have other codes.
_SYSTEM = 2
_UNKNOWN_LENGTH = 2**62


@dataclass(frozen=True)
class Recording:
    """Mono samples [n] in [-1, 1] at `sample_rate`, and what the container promised.

    `declared_s` is null where the container does not say, or its word is a guess; `lost_s` is what damaged parts in
    between would have been; `source_rate` is the file's own rate.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    source_rate: int
    declared_s: float | None
    lost_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of what was decoded."""
        return len(self.samples) / self.sample_rate


def decode(path: Path, sample_rate: int, max_seconds: float) -> Recording:
    """Decode at most `max_seconds` from the start of `path`, mix to mono, resample.

    Raises:
        AudioError: the file is empty, or cannot be decoded. Where it is missing or could not be read, which the next
            run may be able to, the reason begins with `UNREAD`.
    """
    try:
        _require_content(path)
        decoded = _decoded(path, max_seconds)
    except (OSError, MemoryError) as error:
        raise AudioError(unread(error)) from error
    heard = [stretch for stretch in decoded.stretches if stretch.planes.size]
    if not heard:
        raise AudioError("no samples could be decoded")
    samples = [soxr.resample(mixed(s.planes), s.rate, sample_rate, quality="HQ") for s in heard]
    whole = samples[0] if len(samples) == 1 else np.concatenate(samples)
    return Recording(whole, sample_rate, heard[0].rate, decoded.declared_s, decoded.lost_s)


def _require_content(path: Path) -> None:
    """A byte is read here, because soundfile does not say why it could not read one."""
    if not path.is_file():
        raise FileNotFoundError("file is missing")
    with path.open("rb") as file:
        if not file.read(1):
            raise AudioError("file is empty")


def _decoded(path: Path, max_seconds: float) -> Decoded:
    with path.open("rb") as file:
        links = link_starts(file) if file.read(4) == b"OggS" else []
        if len(links) > 1:
            return _chain(file, links, max_seconds)
        by_libsndfile = is_for_libsndfile(file)
        stated = None if by_libsndfile else stated_seconds(file)
    if by_libsndfile:
        return _one(path, max_seconds)
    return _by_packets(path, max_seconds, stated_s=stated)


def _chain(file: BinaryIO, links: list[int], max_seconds: float) -> Decoded:
    """One link after the other, each a file of its own; declared is their sum where all of them say."""
    stretches: list[Stretch] = []
    declared: float | None = 0.0
    lost, left = 0.0, max_seconds
    for start, end in zip(links, [*links[1:], None], strict=True):
        file.seek(start)
        link = _one(io.BytesIO(file.read(-1 if end is None else end - start)), left)
        stretches += link.stretches
        declared = None if declared is None or link.declared_s is None else declared + link.declared_s
        lost += link.lost_s
        left -= link.seconds
        if left <= 0:
            break
    return Decoded(stretches, declared, lost)


def _one(source: Path | BinaryIO, max_seconds: float) -> Decoded:
    """By libsndfile; where it fails or ends early also by PyAV, and the longer of the two."""
    try:
        decoded = _by_libsndfile(source, max_seconds)
    except soundfile.LibsndfileError as error:
        if error.code == _SYSTEM and isinstance(source, Path):
            read_through(source)
            raise OSError(str(error)) from error
        return _by_packets(source, max_seconds, reason=str(error))
    if decoded.seconds and not decoded.lost_s:
        return decoded
    try:
        other = _by_packets(source, max_seconds)
    except AudioError:
        return decoded
    longer = max(decoded, other, key=lambda d: d.seconds)
    missing = 0.0 if decoded.declared_s is None else min(decoded.declared_s, max_seconds) - longer.seconds
    return Decoded(longer.stretches, decoded.declared_s or other.declared_s, max(0.0, missing))


def _by_libsndfile(source: Path | BinaryIO, max_seconds: float) -> Decoded:
    with soundfile.SoundFile(source) as file:
        rate = file.samplerate
        is_stated = 0 < file.frames < _UNKNOWN_LENGTH
        wanted = min(file.frames, int(max_seconds * rate))
        frames: NDArray[np.float32] = file.read(int(max_seconds * rate), dtype="float32", always_2d=True)
        missing = (wanted - len(frames)) / rate if is_stated else 0.0
        return Decoded([Stretch(frames.T, rate)], file.frames / rate if is_stated else None, missing)


def _by_packets(
    source: Path | BinaryIO, max_seconds: float, stated_s: float | None = None, reason: str = ""
) -> Decoded:
    """As `decode_packets`; the reason of libsndfile and FFmpeg in one line where nothing can be read.

    Raises:
        AudioError, OSError, MemoryError: nothing can be read.
    """
    if not isinstance(source, Path):
        source.seek(0)
    try:
        return decode_packets(source, max_seconds, stated_s)
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except (av.FFmpegError, ValueError) as error:
        if isinstance(source, Path):
            read_through(source)
        said = getattr(error, "strerror", None) or str(error)  # without FFmpeg's numbers
        raise AudioError(f"not decodable: {'; '.join(filter(None, (reason.strip(), said)))}") from error
