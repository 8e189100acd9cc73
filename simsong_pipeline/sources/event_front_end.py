"""Songs that are known by the data set's features: they are read in place of a recording. See `audio.preparation`."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio.description import Description, timbre_statistics
from simsong_pipeline.audio.fingerprint import NO_FINGERPRINT
from simsong_pipeline.audio.preparation import AudioTask, PreparedAudio, SensedAudio, unusable
from simsong_pipeline.errors import AudioError
from simsong_pipeline.sources.msd_arrays import EventFiles

_NO_SOUND = (
    "the songs of this home are known by the Million Song Dataset's features, and a recording has none: "
    "ask for a song of the home"
)
_of_thread = threading.local()


@dataclass(frozen=True)
class EventFrontEnd:
    """Reads a track's events; it has no use for samples. See `audio.preparation.FeatureReader`."""

    sample_rate: int = 22_050  # that the data set's features were measured at

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.floating]:
        """Raises AudioError: there is no way from samples to the data set's features."""
        raise AudioError(_NO_SOUND)

    def sense(self, task: AudioTask) -> SensedAudio:
        """A track's rows and what is known of it; what cannot be used is a row with its reason."""
        try:
            found = _files().read(task.path, task.modified_ns)
        except AudioError as error:
            return SensedAudio(unusable(task, "invalid", str(error)), None)
        described = Description(found.loudness_db, found.tempo_bpm, timbre_statistics(found.timbre), NO_FINGERPRINT)
        known = (task, self.sample_rate, found.duration_s, found.sha256, "ok", None)
        return SensedAudio(PreparedAudio(*known, None, described), found.rows)


def _files() -> EventFiles:
    if not hasattr(_of_thread, "files"):
        _of_thread.files = EventFiles()
    files: EventFiles = _of_thread.files
    return files
