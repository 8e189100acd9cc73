"""Hears songs again whose features were let go of, and keeps nothing of them."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.preparation import AudioTask, PreparedAudio, SensedAudio, heard, known_tasks, sense
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.engines.engine import Worker
from simsong_pipeline.home.events import Events
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.workspace import Workspace
from simsong_pipeline.stages.hearing_work import lost


class HearAgain:
    """Decodes recordings on the cores of a worker."""

    def __init__(self, worker: Worker, config: PipelineConfig) -> None:
        self._worker, self._audio = worker, config.audio
        self._listener = open_listener(config, Events(worker.note, lambda *_: None, worker.note))

    def features(
        self, songs: pl.DataFrame, recordings: Sequence[AudioTask]
    ) -> Iterator[tuple[str, NDArray[np.float16]]]:
        """The hash and the features [rows, channels] of each song that sounds as it did; of the others one note.

        Args:
            songs: rows of the segment_features frame.
            recordings: those of these songs, and perhaps of others.
        """
        hashes = dict(songs.select("track_id", "audio_sha256").rows())
        tasks = [task for task in recordings if task.track_id in hashes]
        silent = dict.fromkeys(hashes.keys() - {task.track_id for task in tasks}, "nothing is known of its recording")
        for prepared in self._worker.map_songs(self._first(), self._then, lost, tasks) if tasks else ():
            track_id = prepared.task.track_id
            if prepared.features is None:
                silent[track_id] = prepared.reason or "no audio"
            elif prepared.audio_sha256 != hashes[track_id]:
                silent[track_id] = f"the recording is another one now: {prepared.task.path}"
            else:
                yield hashes[track_id], prepared.features
        if silent:
            first = min(silent)
            self._worker.note(
                f"{len(silent)} songs cannot be heard again, {first} say ({silent[first]}); the next run tries again"
            )

    def _first(self) -> "partial[SensedAudio]":
        return partial(sense, audio=self._audio, front_end=self._listener.front_end, describes=False)

    def _then(self, sensed: SensedAudio) -> PreparedAudio:
        return heard(sensed, self._listener)


def recordings_of(workspace: Workspace, songs: pl.DataFrame, audio: pl.DataFrame | None = None) -> list[AudioTask]:
    """Where some songs lie.

    Args:
        songs: track_id.
        audio: of the last run where null.
    """
    if not songs.height:
        return []
    known = workspace.read("audio") if audio is None else audio
    places = known.join(songs.select("track_id"), on="track_id", how="semi").drop_nulls("path")
    return known_tasks(places)
