"""Residual convolutions over sound events."""

import torch
from torch import Tensor, nn

from simsong_pipeline.learning.encoder.convolution import ResidualBlock
from simsong_pipeline.learning.encoder.event_statistics import masked_mean

_KERNEL = 5


class EventConvolution(nn.Module):
    """channels [batch, events, n], valid [batch, events, 1] → [batch, self.width]: means, deviations.

    Over the valid events. Each block hears twice as far as the one before. What is no event is zero before every block,
    as it is beyond the ends.
    """

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        self.width = 2 * width
        self.embed = nn.Linear(channels, width)
        blocks = [ResidualBlock(width, _KERNEL, 2**layer) for layer in range(layers)]
        for block in blocks:  # so few that they may speak aloud from the first step on
            nn.init.ones_(block.scale)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, channels: Tensor, valid: Tensor, seconds: Tensor) -> Tensor:
        """See the class; `seconds` [batch, events, 1] is not needed here."""
        hidden = (self.embed(channels) * valid).transpose(1, 2)
        for block in self.blocks:
            hidden = block(hidden) * valid.transpose(1, 2)
        over_time = hidden.transpose(1, 2)
        mean = masked_mean(over_time, valid)
        variance = masked_mean((over_time - mean[:, None]).square(), valid)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1)
