"""Recordings to 16 kHz mono: soundfile first, PyAV for what it cannot read, soxr to resample."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from simsong_pipeline.errors import AudioError, unread
from simsong_pipeline.files import read_through

# Of libsndfile: a call of the system failed. Damaged files have other codes.
_SYSTEM = 2


@dataclass(frozen=True)
class Recording:
    """Mono samples [n] in [-1, 1] at `sample_rate`, and what the container promised.

    `declared_s` is null where the container does not say; `source_rate` is the file's own rate.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    source_rate: int
    declared_s: float | None

    @property
    def duration_s(self) -> float:
        """Length of what was decoded."""
        return len(self.samples) / self.sample_rate


def decode(path: Path, sample_rate: int, max_seconds: float) -> Recording:
    """Decode at most `max_seconds` from the start of `path`, mix to mono, resample.

    Raises:
        AudioError: the file is empty, or neither soundfile nor PyAV can decode it. Where it is missing or could not be
            read, which the next run may be able to, the reason begins with `UNREAD`.
    """
    try:
        mono, rate, declared = _decoded(path, max_seconds)
    except (OSError, MemoryError) as error:
        raise AudioError(unread(error)) from error
    if mono.size == 0:
        raise AudioError("no samples could be decoded")
    return Recording(soxr.resample(mono, rate, sample_rate, quality="HQ"), sample_rate, rate, declared)


def _decoded(path: Path, max_seconds: float) -> tuple[NDArray[np.float32], int, float | None]:
    _require_content(path)
    try:
        return _decode_soundfile(path, max_seconds)
    except soundfile.LibsndfileError as error:
        if error.code == _SYSTEM:
            read_through(path)
            raise OSError(str(error)) from error
        return _decode_av(path, max_seconds, str(error))


def _require_content(path: Path) -> None:
    """A byte is read here, because soundfile does not say why it could not read one."""
    if not path.is_file():
        raise FileNotFoundError("file is missing")
    with path.open("rb") as file:
        if not file.read(1):
            raise AudioError("file is empty")


def _decode_soundfile(path: Path, max_seconds: float) -> tuple[NDArray[np.float32], int, float | None]:
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        declared = file.frames / rate if 0 < file.frames < 2**62 else None
        frames = file.read(int(max_seconds * rate), dtype="float32", always_2d=True)
    return _mixed(frames), rate, declared


def _mixed(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mono [n] of frames [n, channels]: column by column, in a twentieth of the time of a mean over rows of two."""
    mono = frames[:, 0].copy()
    for channel in range(1, frames.shape[1]):
        mono += frames[:, channel]
    mono /= np.float32(frames.shape[1])
    return mono


def _decode_av(path: Path, max_seconds: float, reason: str) -> tuple[NDArray[np.float32], int, float | None]:
    import av  # only for the few formats that soundfile lacks

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise AudioError("the file has no audio stream")
            stream = container.streams.audio[0]
            rate = int(stream.rate or 0)
            declared = container.duration / av.time_base if container.duration else None
            blocks, have = [], 0
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            for frame in container.decode(stream):
                for piece in resampler.resample(frame):
                    blocks.append(piece.to_ndarray()[0].astype(np.float32))
                    have += blocks[-1].size
                if have >= max_seconds * rate:
                    break
    except (OSError, MemoryError):  # PyAV's own errors of these kinds among them
        raise
    except (av.FFmpegError, ValueError) as error:
        read_through(path)
        raise AudioError(f"not decodable: {reason.strip()}; {error}") from error
    mono = np.concatenate(blocks)[: int(max_seconds * rate)] if blocks else np.zeros(0, np.float32)
    return mono, rate, declared
