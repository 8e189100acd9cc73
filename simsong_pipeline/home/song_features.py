"""Features of a few songs, wherever they come from: kept, or heard again from the recording."""

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.preparation import known_tasks, prepare
from simsong_pipeline.config import PipelineConfig
from simsong_pipeline.errors import AudioError
from simsong_pipeline.home.events import SILENT
from simsong_pipeline.home.hearing import open_listener
from simsong_pipeline.home.workspace import Workspace


class SongFeatures:
    """Maps a track id to its features [rows, channels], as `FeatureReader`; a song without any is decoded."""

    def __init__(self, workspace: Workspace, config: PipelineConfig) -> None:
        self._workspace, self._config = workspace, config
        self._places = workspace.read("segment_features")
        self._kept = workspace.features(config).reader(self._places)
        self._known = set(self._kept)

    def __getitem__(self, track_id: str) -> NDArray[np.float16]:
        """Raises AudioError where the song has none and its recording is gone or another one now."""
        return self._kept[track_id] if track_id in self._known else self._heard(track_id)

    def _heard(self, track_id: str) -> NDArray[np.float16]:
        row = self._workspace.read("audio").filter(track_id=track_id)
        (task,) = known_tasks(row)
        prepared = prepare(task, self._config.audio, open_listener(self._config, SILENT))
        if prepared.features is None:
            raise AudioError(f"{track_id} cannot be heard again: {prepared.reason}")
        if prepared.audio_sha256 != row["audio_sha256"][0]:
            raise AudioError(f"{track_id} is another recording now ({task.path}): run `simsong refresh`")
        return prepared.features
