"""The audio encoder: log-mel segments to unit vectors.

A small two-dimensional stem hears timbre and onsets with some freedom in pitch, residual blocks over time
hear rhythm and harmony, and the mean and deviation over time make one vector of a segment.
"""

import torch
from torch import Tensor, nn

from simsong_pipeline.config import EncoderConfig

# Decibels to about unit scale.
_SCALE_DB = 15.0


class AudioEncoder(nn.Module):
    """log_mel [batch, frames, n_mels] in dB → embedding [batch, embedding_dim] of unit length.

    Any number of frames from 16 up; `n_mels` is fixed by construction.
    """

    def __init__(self, config: EncoderConfig, n_mels: int) -> None:
        super().__init__()
        stem, width = config.stem_channels, config.widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, stem, 5, stride=2, padding=2),
            nn.GroupNorm(1, stem),
            nn.GELU(),
            nn.Conv2d(stem, 2 * stem, 3, stride=(1, 2), padding=1),
            nn.GroupNorm(1, 2 * stem),
            nn.GELU(),
        )
        self.to_channels = nn.Linear(2 * stem * ((n_mels + 3) // 4), width)
        stages: list[nn.Module] = []
        for stage, (channels, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
            if stage:
                stages.append(nn.Conv1d(config.widths[stage - 1], channels, 2, stride=2))
            stages += [ResidualBlock(channels, config.kernel_size, 2**block) for block in range(depth)]
        self.blocks = nn.Sequential(*stages)
        self.head = nn.Sequential(
            nn.LayerNorm(2 * config.widths[-1]),
            nn.Dropout(config.dropout),
            nn.Linear(2 * config.widths[-1], config.embedding_dim),
        )

    def forward(self, log_mel: Tensor) -> Tensor:
        """See the class."""
        level = log_mel.mean(dim=(1, 2), keepdim=True)
        # Loudness of a release says nothing of its music: levels count relative to the segment's mean.
        scaled = (log_mel - level) / _SCALE_DB
        planes = self.stem(scaled.unsqueeze(1))
        channels = self.to_channels(planes.permute(0, 2, 1, 3).flatten(2))
        hidden = self.blocks(channels.transpose(1, 2))
        pooled = torch.cat([hidden.mean(dim=2), (hidden.var(dim=2, unbiased=False) + 1e-5).sqrt()], dim=1)
        return nn.functional.normalize(self.head(pooled), dim=1)


class ResidualBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron (Liu et al., 2022, arXiv 2201.03545)."""

    def __init__(self, channels: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel_size // 2)
        self.over_time = nn.Conv1d(channels, channels, kernel_size, padding=padding, dilation=dilation, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, 3 * channels)
        self.shrink = nn.Linear(3 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 0.1))

    def forward(self, hidden: Tensor) -> Tensor:
        """[batch, channels, time] → the same shape."""
        update = self.norm(self.over_time(hidden).transpose(1, 2))
        update = self.shrink(nn.functional.gelu(self.expand(update)))
        result: Tensor = hidden + (self.scale * update).transpose(1, 2)
        return result
