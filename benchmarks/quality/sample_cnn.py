"""A baseline on raw waveforms: SampleCNN (Lee et al., 2018), the encoder of CLMR (Spijkervet & Burgoyne, 2021).

Nine strided blocks of three samples each see 3^10 = 59,049 samples; trained by the same loop as every other method.
Its widths are a quarter of the paper's, which two CPU cores can train in minutes.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor, nn

from simsong_pipeline.audio.decoding import decode
from simsong_pipeline.config import EncoderConfig, PipelineConfig

SAMPLES = 3**10
_WIDTHS = (32, 32, 32, 64, 64, 64, 64, 64, 64, 128)
# Settings under which the shared loop cuts waveforms in place of log-mels.
CHANGES = {
    "log_mel.hop_length": 1,
    "log_mel.n_mels": 1,
    "segments.seconds": SAMPLES / 16_000,
    "train.augment.equaliser_db": 0.0,
    "train.augment.noise_db": 0.005,
    "train.augment.mel_mask": 0.0,
}


class SampleCnn(nn.Module):
    """waveform [batch, 59049, 1] → embedding [batch, embedding_dim] of unit length."""

    def __init__(self, config: EncoderConfig, channels: int, samples: int) -> None:
        super().__init__()
        if (channels, samples) != (1, SAMPLES):
            raise ValueError(f"SampleCNN takes [{SAMPLES}, 1], not [{samples}, {channels}]")
        layers: list[nn.Module] = [nn.Conv1d(1, _WIDTHS[0], 3, stride=3), nn.GroupNorm(1, _WIDTHS[0]), nn.ReLU()]
        for before, after in pairwise(_WIDTHS):
            layers += [nn.Conv1d(before, after, 3, padding=1), nn.GroupNorm(1, after), nn.ReLU(), nn.MaxPool1d(3)]
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(_WIDTHS[-1], config.embedding_dim))

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        hidden = self.blocks(waveform.transpose(1, 2)).mean(dim=2)
        return nn.functional.normalize(self.head(hidden), dim=1)


class Waveforms:
    """Maps a track id to its samples [n, 1] at 16 kHz, decoded when first asked for and kept."""

    def __init__(self, audio: pl.DataFrame, config: PipelineConfig) -> None:
        self._paths = {t: Path(p) for t, p in audio.filter(status="ok").select("track_id", "path").rows()}
        self._config = config
        self._kept: dict[str, NDArray[np.float16]] = {}

    def __getitem__(self, track_id: str) -> NDArray[np.float16]:
        if track_id not in self._kept:
            log_mel, audio = self._config.log_mel, self._config.audio
            recording = decode(self._paths[track_id], log_mel.sample_rate, audio.max_seconds)
            self._kept[track_id] = recording.samples.astype(np.float16)[:, None]
        return self._kept[track_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)
