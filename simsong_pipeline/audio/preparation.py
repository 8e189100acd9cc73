"""One pass over the recordings: decode, check, hash, describe, hear. One bad file is one row with its reason.

A recording whose path, size and time of change are as in the previous run is not decoded again, unless it could not be
read.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl
import soxr
from numpy.typing import NDArray

from simsong_pipeline.audio.checks import check_recording, damage_note
from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.description import FRONT_END, Description, describe
from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.config import AudioConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.remote.objects_read import on_disk
from simsong_pipeline.schemas import AUDIO, polars_schema

Progress = Callable[[int, int], None]
# What is measured of a recording besides its features; arrays as their bytes.
DESCRIBED: dict[str, pl.DataType | type[pl.DataType]] = {
    "tags": pl.List(pl.Float32),
    "strangeness": pl.Float64,
    "loudness_db": pl.Float64,
    "tempo_bpm": pl.Float64,
    "timbre": pl.Binary,
    "codes": pl.Binary,
    "spectrum": pl.Binary,
}


@dataclass(frozen=True)
class AudioTask:
    """A recording to prepare; its path may be an address."""

    track_id: str
    path: str
    size_bytes: int
    modified_ns: int
    expected_s: float | None


def known_tasks(audio: pl.DataFrame) -> list[AudioTask]:
    """To hear recordings again that rows of the audio frame name."""
    columns = ("track_id", "path", "size_bytes", "modified_ns")
    # What the catalogue expects was asked when it was heard first, of the same bytes.
    return [AudioTask(**row, expected_s=None) for row in audio.select(columns).rows(named=True)]


class FrontEnd(Protocol):
    """Signal processing alone, of a few numbers: it can be pickled, and runs where a recording is decoded."""

    @property
    def sample_rate(self) -> int:
        """Of the samples that it wants, in Hz."""
        ...

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.floating]:
        """What a listener makes its rows of, of mono samples [n]."""
        ...


@runtime_checkable
class FeatureReader(Protocol):
    """A front end of songs that are known by features in place of recordings: nothing is decoded."""

    def sense(self, task: AudioTask) -> "SensedAudio":
        """What is known of a song; one that cannot be used is a row with its reason, never an exception."""
        ...


class Listener(Protocol):
    """Turns a recording into the rows that the encoder is made for; called from several threads."""

    @property
    def format(self) -> FeatureFormat:
        """What the rows are."""
        ...

    @property
    def front_end(self) -> FrontEnd:
        """What comes before the networks, which may be opened for its settings."""
        ...

    def rows(self, inputs: NDArray[np.floating]) -> NDArray[np.float16]:
        """Rows [rows, format.channels] of what the front end gives."""
        ...

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """Probabilities of the tags that it knows, in its order; none where it knows none."""
        ...

    def strangeness(self, rows: NDArray[np.float16]) -> float | None:
        """How unlike music the rows are; null where it cannot tell."""
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
    strangeness: float | None = None


@dataclass(frozen=True)
class SensedAudio:
    """A recording before the networks: what is known of it, and the front end's `inputs` where it is usable."""

    prepared: PreparedAudio
    inputs: NDArray[np.floating] | None


def sense(task: AudioTask, audio: AudioConfig, front_end: FrontEnd, describes: bool = True) -> SensedAudio:
    """Decode, check and describe one recording. Unusable audio gives a row, never an exception.

    The hash is of the decoded 16-bit samples, so that new tags or a new name leave it as it is.

    Args:
        describes: false for a recording whose description is kept.
    """
    if task.size_bytes < 0:
        return SensedAudio(unusable(task, "missing", f"file is missing: {task.path}"), None)
    if isinstance(front_end, FeatureReader):
        return front_end.sense(task)
    try:
        with on_disk(task.path) as path:
            recording = decode(path, front_end.sample_rate, audio.max_seconds)
        check_recording(recording, task.expected_s, audio)
    except AudioError as error:
        return SensedAudio(unusable(task, "invalid", str(error)), None)
    scaled = recording.samples * np.float32(32767)
    pcm = np.clip(np.round(scaled, out=scaled), -32768, 32767, out=scaled).astype("<i2")
    digest = hashlib.sha256(pcm.data).hexdigest()
    samples = pcm.astype(np.float32) / np.float32(32767)
    known = (task, recording.source_rate, recording.duration_s, digest, "ok", damage_note(recording))
    described = _described_at(samples, front_end.sample_rate) if describes else None
    return SensedAudio(PreparedAudio(*known, None, described), front_end.inputs(samples))


def heard(sensed: SensedAudio, listener: Listener) -> PreparedAudio:
    """A recording with its features and what they say of it."""
    if sensed.inputs is None:
        return sensed.prepared
    rows = listener.rows(sensed.inputs)
    return replace(sensed.prepared, features=rows, tags=listener.tags(rows), strangeness=listener.strangeness(rows))


def prepare(task: AudioTask, audio: AudioConfig, listener: Listener) -> PreparedAudio:
    """One recording from its file to its features; errors are those of `sense`."""
    return heard(sense(task, audio, listener.front_end), listener)


def features_of(samples: NDArray[np.float32], listener: Listener) -> NDArray[np.float16]:
    """Rows [rows, channels] of mono samples [n] at the listener's rate."""
    return listener.rows(listener.front_end.inputs(samples))


def unusable(task: AudioTask, status: str, reason: str) -> PreparedAudio:
    """A recording that cannot be used, and why."""
    return PreparedAudio(task, None, None, None, status, reason, None)


def _described_at(samples: NDArray[np.float32], sample_rate: int) -> Description:
    """The description, which is of 16 kHz whatever the listener wants."""
    wanted = FRONT_END.sample_rate
    return describe(samples if sample_rate == wanted else soxr.resample(samples, sample_rate, wanted, quality="HQ"))


Hearing = Callable[[PreparedAudio], None]


def audio_rows(prepared: Iterable[PreparedAudio]) -> pl.DataFrame:
    """Rows of the audio contract, what was expected, and the descriptions; without the features."""
    rows = [
        (p.task.track_id, p.task.path, p.task.size_bytes, p.task.modified_ns)
        + (p.sample_rate, p.duration_s, p.audio_sha256, p.status, p.reason, p.task.expected_s)
        + (list(p.tags), p.strangeness, *_described(p.description))
        for p in prepared
    ]
    schema = {**polars_schema(AUDIO, 1), "expected_s": pl.Float64, **DESCRIBED}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _described(description: Description | None) -> tuple[object, ...]:
    """In the order of `DESCRIBED`, but for what the listener says."""
    if description is None:
        return (None,) * (len(DESCRIBED) - 2)
    prints = description.prints
    arrays = (description.timbre, prints.codes, prints.spectrum)
    return (description.loudness_db, description.tempo_bpm, *(np.ascontiguousarray(a).tobytes() for a in arrays))
