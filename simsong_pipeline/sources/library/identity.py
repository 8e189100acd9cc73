"""Which recording is it? Hashed without its tags, so that a new name, place or tag leaves it the same."""

import hashlib
from pathlib import Path

import av

from simsong_pipeline.errors import AudioError
from simsong_pipeline.files import read_through


def audio_hash(path: Path) -> str:
    """sha256 over the encoded audio packets, which are read but not decoded.

    Raises:
        AudioError: the file holds no audio that can be read.
        OSError, MemoryError: the file cannot be read, or not now.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError("the file has no audio stream")
            for packet in container.demux(container.streams.audio[0]):
                digest.update(packet)
                size += packet.size
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except av.FFmpegError as error:
        read_through(path)
        raise AudioError(f"not readable as audio ({error.strerror})") from error
    if not size:
        raise AudioError("the file holds no audio")
    return digest.hexdigest()


def track_id_of(digest: str) -> str:
    """LB and sixteen digits of the audio's hash."""
    return f"LB{digest[:16].upper()}"
