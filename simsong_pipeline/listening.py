"""How recordings are heard: by signal processing alone, or by pretrained networks under ONNX Runtime. No torch here."""

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio import clap_front_end, musicnn_front_end
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import LogMelConfig


class LogMelListener:
    """Frames of a log-mel: what the encoders of log-mels are made for. See `audio.preparation.Listener`."""

    def __init__(self, config: LogMelConfig, rows: FeatureFormat) -> None:
        self._config = config
        self.format = rows
        self.sample_rate = config.sample_rate

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """Log-mel [frames, n_mels] in dB."""
        return log_mel(samples, self._config)

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """None: a spectrogram has no names for what it shows."""
        return []

    def strangeness(self, rows: NDArray[np.float16]) -> None:
        """Not known: nothing here was trained on music."""


class FrameListener:
    """Frames of MusiCNN's front end: what a body is made for that is trained itself."""

    def __init__(self, rows: FeatureFormat) -> None:
        self.format = rows
        self.sample_rate = musicnn_front_end.SAMPLE_RATE

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """[frames, 96] in decibels, which augmentation counts in; ten times the front end's values."""
        return (musicnn_front_end.log_mel(samples) * musicnn_front_end.DECIBELS).astype(np.float16)

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """None: the body that knows them is not run here."""
        return []

    def strangeness(self, rows: NDArray[np.float16]) -> None:
        """Not known, as for the tags."""


class BodyListener:
    """What pretrained bodies give for a few patches of a recording, side by side.

    Args:
        open_bodies: gives the sessions whose features follow each other in a row; the first one's tags are the song's.
            Called once, with the first recording: a night without one opens none.
        patches: as many as are heard, evenly spaced; fewer of a short recording.
    """

    def __init__(self, open_bodies: Callable[[], Sequence[OnnxBody]], patches: int, rows: FeatureFormat) -> None:
        self._open, self._patches = open_bodies, patches
        self._bodies: Sequence[OnnxBody] = ()
        self._opening = Lock()
        self.format = rows
        self.sample_rate = musicnn_front_end.SAMPLE_RATE

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """Features [patches, channels] of mono samples [n]."""
        starts = patch_starts(len(samples), self._patches)
        patches = musicnn_front_end.patches(samples, starts)
        rows = np.hstack([body.features(patches) for body in self._opened()])
        return _kept(rows)

    def _opened(self) -> Sequence[OnnxBody]:
        with self._opening:
            self._bodies = self._bodies or self._open()
            return self._bodies

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """Mean probabilities over the patches, as `MUSICNN_TAGS` orders them."""
        heard: list[float] = rows[:, MUSICNN_LAYOUT.tags].astype(np.float32).mean(axis=0).tolist()
        return heard

    def strangeness(self, rows: NDArray[np.float16]) -> float:
        """Root mean square of the standardised pooled channels, the geometric mean over the bodies.

        The channels are standardised by the statistics of the music that a body was trained on, so music lies near 0.6
        by whatever genre, and what no such music sounds like lies further out.
        """
        pooled = slice(MUSICNN_LAYOUT.mean_pool.start, MUSICNN_LAYOUT.max_pool.stop)
        by_body = rows.astype(np.float64).reshape(len(rows), -1, MUSICNN_LAYOUT.width)[:, :, pooled]
        return float(np.exp(0.5 * np.log((by_body**2).mean(axis=(0, 2))).mean()))


class ClapListener:
    """Unit vectors that a CLAP model gives for a few patches of a recording.

    Args:
        open_body: gives the session; called once, with the first recording.
        patches: as many as are heard, evenly spaced; fewer of a short recording.
    """

    def __init__(self, open_body: Callable[[], OnnxBody], patches: int, rows: FeatureFormat) -> None:
        self._open, self._patches = open_body, patches
        self._body: OnnxBody | None = None
        self._opening = Lock()
        self.format = rows
        self.sample_rate = clap_front_end.SAMPLE_RATE

    def hear(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """Vectors [patches, channels] of mono samples [n]."""
        with self._opening:
            self._body = body = self._body or self._open()
        front_end = clap_front_end.ClapFrontEnd(**body.metadata["front_end"])
        return _kept(body.features(front_end.patches(samples, self._patches)))

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """None: the model knows words, not tags."""
        return []

    def strangeness(self, rows: NDArray[np.float16]) -> None:
        """Not known: its vectors have unit length, whatever the sound."""


def _kept(rows: NDArray[np.float32]) -> NDArray[np.float16]:
    """A network's outputs are far from the range's ends; what is not, on a signal like none, must stay finite."""
    limit = float(np.finfo(np.float16).max)
    return np.clip(rows, -limit, limit).astype(np.float16)


def patch_starts(samples: int, count: int) -> list[int]:
    """The frames at which a recording's patches begin."""
    return musicnn_front_end.even_starts(musicnn_front_end.frame_count(samples), count)
