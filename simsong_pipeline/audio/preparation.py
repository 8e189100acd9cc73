"""One pass over the recordings: decode, check, hash, describe, hear. One bad file is one row with its reason.

A recording whose path, size and time of change are as in the previous run is not decoded again, unless it could not be
read.
"""

import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.checks import check_recording, damage_note
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import Description, describe
from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.schemas import AUDIO, polars_schema

Progress = Callable[[int, int], None]
_AHEAD = 12
# What is measured of a recording besides its features; arrays as their bytes.
DESCRIBED: dict[str, pl.DataType | type[pl.DataType]] = {
    "tags": pl.List(pl.Float32),
    "loudness_db": pl.Float64,
    "tempo_bpm": pl.Float64,
    "timbre": pl.Binary,
    "codes": pl.Binary,
    "spectrum": pl.Binary,
}


@dataclass(frozen=True)
class AudioTask:
    """A recording to prepare."""

    track_id: str
    path: str
    size_bytes: int
    modified_ns: int
    expected_s: float | None


class Listener(Protocol):
    """Turns a recording into the rows that the encoder is made for; called from several threads."""

    @property
    def format(self) -> FeatureFormat:
        """What the rows are."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of the samples that it wants, in Hz."""
        ...

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """Rows [rows, format.channels] of mono samples [n]."""
        ...

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """Probabilities of the tags that it knows, in its order; none where it knows none."""
        ...


@dataclass(frozen=True)
class PreparedAudio:
    """A row of the audio frame and, where the recording is usable, its features [rows, channels] and description.

    `reason` says why it is not usable, or what damage cost one that is.
    """

    task: AudioTask
    sample_rate: int | None
    duration_s: float | None
    audio_sha256: str | None
    status: str
    reason: str | None
    features: NDArray[np.float16] | None
    description: Description | None = None
    tags: Sequence[float] = ()


def prepare(task: AudioTask, audio: AudioConfig, listener: Listener) -> PreparedAudio:
    """Decode, check, describe and hear one recording. Unusable audio gives a row, never an exception.

    The hash is of the decoded 16-bit samples, so that new tags or a new name leave it as it is.
    """
    if task.size_bytes < 0:
        return PreparedAudio(task, None, None, None, "missing", f"file is missing: {task.path}", None)
    try:
        recording = decode(Path(task.path), listener.sample_rate, audio.max_seconds)
        check_recording(recording, task.expected_s, audio)
    except AudioError as error:
        return PreparedAudio(task, None, None, None, "invalid", str(error), None)
    scaled = recording.samples * np.float32(32767)
    pcm = np.clip(np.round(scaled, out=scaled), -32768, 32767, out=scaled).astype("<i2")
    digest = hashlib.sha256(pcm.data).hexdigest()
    samples = pcm.astype(np.float32) / np.float32(32767)
    rows = listener.hear(samples)
    known = (task, recording.source_rate, recording.duration_s, digest, "ok", damage_note(recording))
    return PreparedAudio(*known, rows, describe(samples), listener.tags(rows))


Hearing = Callable[[PreparedAudio], None]


def prepare_all(
    tasks: list[AudioTask], audio: AudioConfig, listener: Listener, progress: Progress, hear: Hearing
) -> Generator[PreparedAudio]:
    """Prepare on all cores, in the order of `tasks`, holding a few dozen songs' features in memory at a time.

    So many that decoding goes on while the caller writes what is done.

    Threads suffice: soundfile, soxr, PyAV, hashing and the transforms all work outside the interpreter's lock.

    Args:
        hear: called with each recording in the thread that prepared it; what it raises ends the run.
    """
    workers = audio.workers or os.cpu_count() or 1

    def prepared(task: AudioTask) -> PreparedAudio:
        result = prepare(task, audio, listener)
        hear(result)
        return result

    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(tasks)
        running: list[Future[PreparedAudio]] = [
            pool.submit(prepared, task) for task in islice(waiting, _AHEAD * workers)
        ]
        done = 0
        try:
            while running:
                result = running.pop(0).result()
                done += 1
                progress(done, len(tasks))
                yield result
                running += [pool.submit(prepared, task) for task in islice(waiting, 1)]
        finally:  # stopped, it does not wait for what nobody takes any more
            pool.shutdown(cancel_futures=True)


def audio_rows(prepared: Iterable[PreparedAudio]) -> pl.DataFrame:
    """Rows of the audio contract, what was expected, and the descriptions; without the features."""
    rows = [
        (p.task.track_id, p.task.path, p.task.size_bytes, p.task.modified_ns)
        + (p.sample_rate, p.duration_s, p.audio_sha256, p.status, p.reason, p.task.expected_s)
        + (list(p.tags), *_described(p.description))
        for p in prepared
    ]
    schema = {**polars_schema(AUDIO, 1), "expected_s": pl.Float64, **DESCRIBED}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _described(description: Description | None) -> tuple[object, ...]:
    """In the order of `DESCRIBED`, but for the tags."""
    if description is None:
        return (None,) * (len(DESCRIBED) - 1)
    prints = description.prints
    arrays = (description.timbre, prints.codes, prints.spectrum)
    return (description.loudness_db, description.tempo_bpm, *(np.ascontiguousarray(a).tobytes() for a in arrays))
