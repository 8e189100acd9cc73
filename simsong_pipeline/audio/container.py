"""A recording as FFmpeg's demuxers see it, through PyAV: what kind of file it is shows in its content."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from simsong_pipeline.audio.first_bytes import after_id3, behind
from simsong_pipeline.errors import AudioError

# What music comes in. FFmpeg takes plain words for the frames of a telephone, and would fetch what a playlist names.
_FORMATS = (
    "mp3,aac,ac3,eac3,flac,ogg,mov,mp4,m4a,matroska,webm,wav,w64,aiff,caf,au,asf,ape,wv,tta,mpc,mpc8,dsf,iff,amr,"
    "mpeg,mpegts,avi,flv,dts,truehd"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
# Errors in a row after which the rest of a file is given up.
_PATIENCE = 100


@contextmanager
def opened_container(source: Path | BinaryIO) -> Generator[InputContainer]:
    """Tags in unknown encodings do not matter, nor do ID3 tags that a tagger put in front of another format."""
    if not isinstance(source, Path):
        with av.open(source, "r", metadata_errors="replace", options=_OPTIONS) as container:
            yield container
        return
    with source.open("rb") as file:
        start = after_id3(file)
        file.seek(start)
        first = file.read(8)
        # FFmpeg passes over them in front of others.
        is_foreign = start and (first[4:] == b"ftyp" or first[:4] in (b"RIFF", b"RF64", b"FORM"))
        whole = behind(file, start) if is_foreign else str(source)
        with av.open(whole, "r", metadata_errors="replace", options=_OPTIONS) as container:
            yield container


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


def gives_sound(stream: AudioStream, packet: "av.Packet[AudioStream]") -> bool:
    """True where the packet decodes to something; one that is damaged does not.

    Raises:
        OSError, MemoryError: not now.
    """
    try:
        return bool(stream.decode(packet))
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except (av.FFmpegError, ValueError):
        return False
