"""Buckets in processes: the same rows as in threads, and a process that ends without an answer."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import QUIET
from polars.testing import assert_frame_equal

from simsong_pipeline.audio.preparation import AudioTask
from simsong_pipeline.config import EncoderConfig, PipelineConfig
from simsong_pipeline.engines.engine import Worker
from simsong_pipeline.engines.local import LocalEngine
from simsong_pipeline.engines.opening import opened_hearing
from simsong_pipeline.engines.processes import ProcessEngine
from simsong_pipeline.errors import EngineError
from simsong_pipeline.sources.msd_events import find_event_files
from simsong_pipeline.stages.hearing_work import HearBucket, hear_all

EVENTS = PipelineConfig(encoder=EncoderConfig(kind="events"))


def test_processes_hear_what_threads_hear(features_raw: Path, tmp_path: Path) -> None:
    tasks = [AudioTask(*row, None) for row in find_event_files(features_raw / "msd").rows()]
    counts: list[tuple[int, int]] = []
    heard = []
    for engine in (LocalEngine(), ProcessEngine(2, worth=1)):
        function = HearBucket(tmp_path / type(engine).__name__, EVENTS, wait_s=10.0)
        heard.append(hear_all(function, engine, tasks, None, lambda *count: counts.append(count)))
    for name in ("audio", "segment_features", "descriptions"):
        assert_frame_equal(*(getattr(frames, name) for frames in heard))
    assert counts[-1] == (len(tasks), len(tasks))
    again = hear_all(function, ProcessEngine(2, worth=1), tasks, None, QUIET.progress)
    assert again.decoded == 0


@dataclass(frozen=True)
class _Job:
    bucket: int
    songs: int = 1


class _Dies:
    def open(self, worker: Worker):
        return lambda job: os._exit(1) if job.bucket == 1 else job.bucket


@pytest.mark.slow
def test_a_process_that_ends_says_that_the_same_command_goes_on() -> None:
    with pytest.raises(EngineError, match="the same command goes on"):
        list(ProcessEngine(2, worth=1).map_buckets(_Dies(), [_Job(n) for n in range(4)], QUIET.progress))


def test_songs_with_recordings_are_heard_in_threads_and_events_in_processes() -> None:
    with opened_hearing(EVENTS, QUIET.note) as engine:
        assert isinstance(engine, ProcessEngine)
    with opened_hearing(PipelineConfig(), QUIET.note) as engine:
        assert isinstance(engine, LocalEngine)
