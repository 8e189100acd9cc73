"""A compact convolutional body."""

import torch
from torch import Tensor, nn

from simsong_pipeline.config import EncoderConfig


class ConvolutionBody(nn.Module):
    """log_mel [batch, frames, n_mels] → hidden [batch, time, width].

    A small two-dimensional stem hears timbre and onsets with some freedom in pitch; residual blocks over time
    hear rhythm and harmony.
    """

    def __init__(self, config: EncoderConfig, n_mels: int) -> None:
        super().__init__()
        stem, width = config.stem_channels, config.widths[0]
        self.width = config.widths[-1]
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

    def forward(self, scaled: Tensor) -> Tensor:
        """See the class."""
        planes = self.stem(scaled.unsqueeze(1))
        channels = self.to_channels(planes.permute(0, 2, 1, 3).flatten(2))
        hidden: Tensor = self.blocks(channels.transpose(1, 2))
        return hidden.transpose(1, 2)


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
