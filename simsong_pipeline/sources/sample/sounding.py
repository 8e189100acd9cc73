"""Songs of a drawn catalogue become sound on all cores: each one's recording, and its HDF5 file of what is heard."""

import io
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from simsong_pipeline.files import write_bytes
from simsong_pipeline.pool_processes import end_with_parent
from simsong_pipeline.sources.sample import composition, rendering
from simsong_pipeline.sources.sample.drawing import Catalogue
from simsong_pipeline.sources.sample.hdf5_files import Analysed, write_track_file
from simsong_pipeline.sources.sample.instruments import SAMPLE_RATE
from simsong_pipeline.sources.sample.msd_files import MsdTrack, letter_folder
from simsong_pipeline.sources.sample.sound_events import Arrays, loudness, sound_events

Progress = Callable[[int, int], None]
_SECTION_STEPS = 64


def write_sound(root: Path, catalogue: Catalogue, progress: Progress) -> None:
    """Recordings below audio/, unless the catalogue has none, and the HDF5 tree below msd/data/."""
    jobs = [_job(root, catalogue, i) for i in range(len(catalogue.tracks))]
    workers = os.cpu_count() or 1
    # Spawned, because a forked child of a process with running threads can deadlock.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), end_with_parent) as pool:
        try:
            with _deaf_to_ctrl_c():  # which this process hears alone, and ends the others
                sounded = pool.map(_sound, jobs, chunksize=4)
            for done, _ in enumerate(sounded, start=1):
                progress(done, len(jobs))
        except BaseException:
            for child in multiprocessing.active_children():  # whatever they are at, nobody takes it any more
                child.terminate()
            raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that do not hear a Ctrl-C; one that comes in the meantime is lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(frozen=True)
class _Job:
    """A song to sound.

    Attributes:
        recording: where it goes; null where there is none.
        tree: of the HDF5 files.
        truncate: whether the recording, or where there is none what is heard of it, breaks off.
        silent: whether nothing is heard of it.
    """

    track: MsdTrack
    recording: Path | None
    tree: Path
    score: composition.Score
    voices: rendering.Voices
    seconds: float
    seed: tuple[int, ...]
    truncate: bool
    silent: bool


def _job(root: Path, catalogue: Catalogue, i: int) -> _Job:
    track, faults, source = catalogue.tracks[i], catalogue.faults, catalogue.content(i)
    has_recordings, is_missing = catalogue.config.recordings, faults is not None and i == faults.missing_audio
    recording = letter_folder(root / "audio", track.track_id) / f"{track.track_id}.{catalogue.audio_format(i)}"
    return _Job(
        track=track,
        recording=recording if has_recordings and not is_missing else None,
        tree=root / "msd" / "data",
        score=catalogue.scores[source],
        voices=rendering.Voices(catalogue.latents.audio[source], catalogue.voices[source]),
        seconds=catalogue.seconds[source],
        seed=(catalogue.config.seed, 8, source),
        truncate=faults is not None and i == faults.truncated,
        silent=is_missing and not has_recordings,
    )


def _sound(job: _Job) -> None:
    rng = np.random.default_rng(np.random.SeedSequence(job.seed))
    stereo = rendering.master(rng, rendering.render(job.score, job.voices, job.seconds))
    if job.recording is not None:
        data = _encoded(stereo, job.recording.suffix[1:].upper())
        write_bytes(job.recording, data[: len(data) * 2 // 5] if job.truncate else data)
    write_track_file(job.tree, Analysed(job.track, loudness(stereo), _arrays(job, stereo)))


def _encoded(stereo: NDArray[np.float32], audio_format: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo, SAMPLE_RATE, format=audio_format)
    return buffer.getvalue()


def _arrays(job: _Job, stereo: NDArray[np.float32]) -> Arrays:
    arrays = _rhythm(job)
    if job.silent:
        return arrays
    arrays |= sound_events(stereo)
    if job.truncate and job.recording is None:
        timbre = arrays["segments_timbre"]
        arrays["segments_timbre"] = timbre[: len(timbre) * 2 // 5]
    return arrays


def _rhythm(job: _Job) -> Arrays:
    """Beats, bars, tatums and sections, which are those of the score."""
    seconds = job.track.duration if np.isfinite(job.track.duration) else 20.0
    beats = np.arange(0.0, seconds, job.track.beats)
    starts = {
        "beats_start": beats,
        "bars_start": beats[::4],
        "tatums_start": np.arange(0.0, seconds, job.track.beats / 2),
        "sections_start": np.arange(0.0, seconds, job.track.beats / 4 * _SECTION_STEPS),
    }
    sure = {name.replace("start", "confidence"): np.ones(len(values)) for name, values in starts.items()}
    return starts | sure
