"""One pass over the recordings: decode, check, hash, log-mel. One bad file is one row with its reason.

A recording whose path, size and time of change are as in the previous run is not decoded again, unless it could not be
read.
"""

import hashlib
import os
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.checks import check_recording, damage_note
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.config import AudioConfig, LogMelConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.schemas import AUDIO, polars_schema

Progress = Callable[[int, int], None]
_AHEAD = 12


@dataclass(frozen=True)
class AudioTask:
    """A recording to prepare."""

    track_id: str
    path: str
    size_bytes: int
    modified_ns: int
    expected_s: float | None


@dataclass(frozen=True)
class PreparedAudio:
    """A row of the audio frame and, where the recording is usable, its log-mel [frames, n_mels].

    `reason` says why it is not usable, or what damage cost one that is.
    """

    task: AudioTask
    sample_rate: int | None
    duration_s: float | None
    audio_sha256: str | None
    status: str
    reason: str | None
    features: NDArray[np.float16] | None


def prepare(task: AudioTask, audio: AudioConfig, front_end: LogMelConfig) -> PreparedAudio:
    """Decode, check and transform one recording. Unusable audio gives a row, never an exception.

    The hash is of the decoded 16-bit samples, so that new tags or a new name leave it as it is.
    """
    if task.size_bytes < 0:
        return PreparedAudio(task, None, None, None, "missing", f"file is missing: {task.path}", None)
    try:
        recording = decode(Path(task.path), front_end.sample_rate, audio.max_seconds)
        check_recording(recording, task.expected_s, audio)
    except AudioError as error:
        return PreparedAudio(task, None, None, None, "invalid", str(error), None)
    scaled = recording.samples * np.float32(32767)
    pcm = np.clip(np.round(scaled, out=scaled), -32768, 32767, out=scaled).astype("<i2")
    digest = hashlib.sha256(pcm.data).hexdigest()
    features = log_mel(pcm.astype(np.float32) / np.float32(32767), front_end)
    note = damage_note(recording)
    return PreparedAudio(task, recording.source_rate, recording.duration_s, digest, "ok", note, features)


Hearing = Callable[[PreparedAudio], None]


def prepare_all(
    tasks: list[AudioTask], audio: AudioConfig, front_end: LogMelConfig, progress: Progress, hear: Hearing
) -> Generator[PreparedAudio]:
    """Prepare on all cores, in the order of `tasks`, holding a few dozen songs' log-mels in memory at a time.

    So many that decoding goes on while the caller writes what is done.

    Threads suffice: soundfile, soxr, PyAV, hashing and the transforms all work outside the interpreter's lock.

    Args:
        hear: called with each recording in the thread that prepared it; what it raises ends the run.
    """
    workers = audio.workers or os.cpu_count() or 1

    def prepared(task: AudioTask) -> PreparedAudio:
        result = prepare(task, audio, front_end)
        hear(result)
        return result

    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(tasks)
        running: list[Future[PreparedAudio]] = [
            pool.submit(prepared, task) for task in islice(waiting, _AHEAD * workers)
        ]
        done = 0
        while running:
            result = running.pop(0).result()
            done += 1
            progress(done, len(tasks))
            yield result
            running += [pool.submit(prepared, task) for task in islice(waiting, 1)]


def audio_rows(prepared: Iterable[PreparedAudio]) -> pl.DataFrame:
    """Rows of the audio contract and what was expected, without the features."""
    rows = [
        (p.task.track_id, p.task.path, p.task.size_bytes, p.task.modified_ns)
        + (p.sample_rate, p.duration_s, p.audio_sha256, p.status, p.reason, p.task.expected_s)
        for p in prepared
    ]
    return pl.DataFrame(rows, schema={**polars_schema(AUDIO, 1), "expected_s": pl.Float64}, orient="row")
