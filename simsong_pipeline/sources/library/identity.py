"""Which recording is it? Hashed without its tags, so that a new name, place or tag leaves it the same."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import av

from simsong_pipeline.audio.container import first_audio, opened_container, packets
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
    """Reads all packets of the first sound, and decodes none.

    Raises:
        AudioError: the file holds no audio that can be read.
        OSError, MemoryError: the file cannot be read, or not now.
    """
    digest, size, duration = hashlib.sha256(), 0, 0
    try:
        with opened_container(path) as container:
            stream = first_audio(container)
            for packet in packets(container, stream):
                digest.update(packet)
                size += packet.size
                duration += packet.duration or 0
            seconds = float(duration * stream.time_base) if duration and stream.time_base else None
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except av.FFmpegError as error:
        read_through(path)
        raise AudioError(f"not readable as audio ({error.strerror})") from error
    if not size:
        raise AudioError("the file holds no audio")
    return EncodedAudio(digest.hexdigest(), seconds)


def require_sound(path: Path) -> None:
    """Decode until the first sound: what is no music may look like packets as well.

    Raises:
        AudioError: there is none.
        OSError, MemoryError: the file cannot be read, or not now.
    """
    with opened_container(path) as container:
        for packet in packets(container, first_audio(container)):
            try:
                if packet.decode():
                    return
            except (OSError, MemoryError):
                raise
            except (av.FFmpegError, ValueError):
                continue
    raise AudioError("nothing in it can be decoded")


def track_id_of(digest: str) -> str:
    """LB and sixteen digits of the audio's hash."""
    return f"LB{digest[:16].upper()}"
