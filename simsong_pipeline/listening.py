"""How recordings are heard: by signal processing alone, or by pretrained networks under ONNX Runtime. No torch here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from simsong_pipeline.audio import clap_front_end, musicnn_front_end
from simsong_pipeline.audio.body_layout import MUSICNN_LAYOUT
from simsong_pipeline.audio.feature_format import FeatureFormat
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.audio.preparation import FrontEnd
from simsong_pipeline.body_inference import OnnxBody
from simsong_pipeline.config import LogMelConfig


@dataclass(frozen=True)
class LogMelFrontEnd:
    """Log-mels, which encoders of their own are made for. See `audio.preparation.FrontEnd`, as for those below."""

    config: LogMelConfig

    @property
    def sample_rate(self) -> int:
        """In Hz."""
        return self.config.sample_rate

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """Log-mel [frames, n_mels] in dB."""
        return log_mel(samples, self.config)


@dataclass(frozen=True)
class FrameFrontEnd:
    """MusiCNN's front end over a whole recording: for a body that is trained itself."""

    sample_rate: int = musicnn_front_end.SAMPLE_RATE

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.float16]:
        """[frames, 96] in decibels, which augmentation counts in; ten times the front end's values."""
        return (musicnn_front_end.log_mel(samples) * musicnn_front_end.DECIBELS).astype(np.float16)


@dataclass(frozen=True)
class FrontEndListener:
    """Keeps what its front end gives: no network is run. See `audio.preparation.Listener`."""

    front_end: FrontEnd
    format: FeatureFormat

    def rows(self, inputs: NDArray[np.floating]) -> NDArray[np.float16]:
        """The inputs themselves."""
        return inputs.astype(np.float16, copy=False)

    def tags(self, rows: NDArray[np.float16]) -> list[float]:
        """None: nothing here has names for what it hears."""
        return []

    def strangeness(self, rows: NDArray[np.float16]) -> None:
        """Not known: nothing here was trained on music."""


@dataclass(frozen=True)
class PatchFrontEnd:
    """MusiCNN's front end over as many patches, evenly spaced; fewer of a short recording."""

    count: int
    sample_rate: int = musicnn_front_end.SAMPLE_RATE

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches [≤ count, frames, 96]."""
        return musicnn_front_end.patches(samples, patch_starts(len(samples), self.count))


class BodyListener:
    """What pretrained bodies give for a few patches of a recording, side by side.

    Args:
        open_bodies: gives the sessions whose features follow each other in a row; the first one's tags are the song's.
            Called once, with the first recording: a night without one opens none.
        patches: as many as are heard, evenly spaced; fewer of a short recording.
    """

    def __init__(self, open_bodies: Callable[[], Sequence[OnnxBody]], patches: int, rows: FeatureFormat) -> None:
        self._open = open_bodies
        self._bodies: Sequence[OnnxBody] = ()
        self._opening = Lock()
        self.format = rows
        self.front_end = PatchFrontEnd(patches)

    def rows(self, inputs: NDArray[np.floating]) -> NDArray[np.float16]:
        """Features [patches, channels] of a recording's patches."""
        return _kept(np.hstack([body.features(inputs.astype(np.float32, copy=False)) for body in self._opened()]))

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


@dataclass(frozen=True)
class ClapPatches:
    """A CLAP model's front end over as many patches; fewer of a short recording."""

    settings: clap_front_end.ClapFrontEnd
    count: int
    sample_rate: int = clap_front_end.SAMPLE_RATE

    def inputs(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Patches [≤ count, frames, n_mels] in dB."""
        return self.settings.patches(samples, self.count)


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

    @property
    def front_end(self) -> ClapPatches:
        """As the model's file says."""
        return ClapPatches(clap_front_end.ClapFrontEnd(**self._opened().metadata["front_end"]), self._patches)

    def rows(self, inputs: NDArray[np.floating]) -> NDArray[np.float16]:
        """Vectors [patches, channels] of a recording's patches."""
        return _kept(self._opened().features(inputs.astype(np.float32, copy=False)))

    def _opened(self) -> OnnxBody:
        with self._opening:
            self._body = self._body or self._open()
            return self._body

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
