"""A baseline on raw waveforms: SampleCNN (Lee et al., 2018), the encoder of CLMR (Spijkervet & Burgoyne, 2021).

Nine strided blocks of three samples each see 3^10 = 59,049 samples; trained by the same loop as every other method.
Its widths are a quarter of the paper's, which two CPU cores can train in minutes.
"""

from itertools import pairwise

from torch import Tensor, nn

from simsong_pipeline.config import EncoderConfig

SAMPLES = 3**10
_WIDTHS = (32, 32, 32, 64, 64, 64, 64, 64, 64, 128)
# Settings under which the shared loop cuts waveforms in place of log-mels.
CHANGES = {
    "encoder.kind": "convolution",
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
