"""Which recording is it? Hashed without its tags, so that a new name, place or tag leaves it the same."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av

from simsong_pipeline.audio.container import first_audio, gives_sound, opened_container, packets
from simsong_pipeline.audio.first_bytes import is_for_libsndfile
from simsong_pipeline.audio.ogg_links import link_starts
from simsong_pipeline.errors import AudioError
from simsong_pipeline.files import read_through


@dataclass(frozen=True)
class EncodedAudio:
    """sha256 over the encoded packets, and their whole length; null where packets do not say how long they are.

    The length is that of what is there, whatever the file's header claims.
    """

    digest: str
    duration_s: float | None


def encoded_audio(path: Path) -> EncodedAudio:
    """Reads all packets of the first sound, in each link of a chained Ogg; decodes until something is heard.

    Raises:
        AudioError: the file holds no audio that can be read.
        OSError, MemoryError: the file cannot be read, or not now.
    """
    packed = _Packed()
    try:
        for source in _files_in(path):
            packed.add(source)
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except av.FFmpegError as error:
        read_through(path)
        samples = _samples(path)
        if samples is None:
            raise AudioError(f"not readable as audio ({error.strerror})") from error
        return samples
    if not packed.size:
        raise AudioError("the file holds no audio")
    if not packed.heard:
        raise AudioError("nothing in it can be decoded")
    return EncodedAudio(packed.digest.hexdigest(), packed.seconds or None)


def _files_in(path: Path) -> Iterator[Path | BinaryIO]:
    """The file itself, or the links of a chained Ogg, because FFmpeg may pass over those of another form."""
    with path.open("rb") as file:
        links = link_starts(file) if file.read(4) == b"OggS" else []
        if len(links) < 2:
            yield path
            return
        for start, end in zip(links, [*links[1:], None], strict=True):
            file.seek(start)
            yield io.BytesIO(file.read(-1 if end is None else end - start))


class _Packed:
    """Hash, size and length of packets. What is no music may look like packets as well: `heard` once one decodes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.size, self.seconds, self.heard = 0, 0.0, False

    def add(self, source: Path | BinaryIO) -> None:
        duration = 0
        with opened_container(source) as container:
            stream = first_audio(container)
            for packet in packets(container, stream):
                self.digest.update(packet)
                self.size += packet.size
                duration += packet.duration or 0
                self.heard = self.heard or gives_sound(stream, packet)
            self.seconds += float(duration * stream.time_base) if stream.time_base else 0.0


def _samples(path: Path) -> EncodedAudio | None:
    """The same of the samples of a file that libsndfile reads and FFmpeg does not; null where it does not either."""
    with path.open("rb") as file:
        if not is_for_libsndfile(file):
            return None
    # Imported here, with numpy: few files need it, and every night in which a file is new starts this module.
    import soundfile

    digest = hashlib.sha256()
    try:
        with soundfile.SoundFile(path) as sound:
            for block in sound.blocks(1 << 16, dtype="int32"):
                digest.update(block.tobytes())
            return EncodedAudio(digest.hexdigest(), sound.tell() / sound.samplerate) if sound.tell() else None
    except soundfile.LibsndfileError:
        return None


def track_id_of(digest: str) -> str:
    """LB and sixteen digits of the audio's hash."""
    return f"LB{digest[:16].upper()}"
