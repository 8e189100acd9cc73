"""A recording as FFmpeg's demuxers see it, through PyAV: what kind of file it is shows in its content."""

from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from simsong_pipeline.errors import AudioError

# A file that is a playlist in truth must not fetch what it names.
_OPTIONS = {"protocol_whitelist": "file"}
# Errors in a row after which the rest of a file is given up.
_PATIENCE = 100


def open_container(source: Path | BinaryIO) -> InputContainer:
    """To be closed by the caller; tags in unknown encodings do not matter."""
    file = str(source) if isinstance(source, Path) else source
    return av.open(file, "r", metadata_errors="replace", options=_OPTIONS)


def first_audio(container: InputContainer) -> AudioStream:
    """The first stream of sound; pictures and films in front of it are passed over.

    Raises:
        AudioError: there is none, or none whose codec FFmpeg knows.
    """
    if not container.streams.audio:
        raise AudioError("the file has no audio stream")
    for stream in container.streams.audio:
        if stream.codec_context is not None:
            return stream
    raise AudioError("the sound is in a codec that FFmpeg does not know")


def packets(container: InputContainer, stream: AudioStream) -> Generator["av.Packet[AudioStream]"]:
    """All packets of the stream; where a place of the file is damaged, those after it as well.

    Raises:
        OSError, MemoryError: the file cannot be read, or not now.
        av.FFmpegError: of a file without a single readable packet.
    """
    failures, found = 0, False
    while True:
        try:
            for packet in container.demux(stream):
                failures, found = 0, True
                yield packet
            return
        except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
            raise
        except av.FFmpegError:
            failures += 1
            if failures == _PATIENCE:
                if found:
                    return
                raise
