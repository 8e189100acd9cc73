"""What a recipe hears where it is not what the catalogue keeps: log-mels or waveforms, decoded when first asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.audio.log_mel import log_mel
from simsong_pipeline.config import LogMelConfig, PipelineConfig


class Decoded:
    """Maps a track id to its features [frames, channels], kept in memory.

    Args:
        audio: the audio frame.
        heard: makes features of mono samples [n] at the rate of the configured log-mel.
    """

    def __init__(
        self,
        audio: pl.DataFrame,
        config: PipelineConfig,
        heard: Callable[[NDArray[np.float32]], NDArray[np.float16]],
    ) -> None:
        self._paths = {t: Path(p) for t, p in audio.filter(status="ok").select("track_id", "path").rows()}
        self._rate, self._seconds, self._heard = config.log_mel.sample_rate, config.audio.max_seconds, heard
        self._kept: dict[str, NDArray[np.float16]] = {}

    def __getitem__(self, track_id: str) -> NDArray[np.float16]:
        if track_id not in self._kept:
            self._kept[track_id] = self._heard(decode(self._paths[track_id], self._rate, self._seconds).samples)
        return self._kept[track_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)


def waveforms(audio: pl.DataFrame, config: PipelineConfig) -> Decoded:
    """Samples [n, 1]."""
    return Decoded(audio, config, lambda samples: samples.astype(np.float16)[:, None])


def log_mels(audio: pl.DataFrame, config: PipelineConfig, front_end: LogMelConfig) -> Decoded:
    """Log-mels [frames, n_mels] in dB."""
    return Decoded(audio, config, lambda samples: log_mel(samples, front_end))
