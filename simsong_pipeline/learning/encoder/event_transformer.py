"""A small transformer over sound events, which know when they sound and how long."""

import math

import torch
from torch import Tensor, nn

from simsong_pipeline.learning.encoder.event_statistics import masked_mean

_HEADS = 4
# Periods of the sines that say when an event sounds: from shorter than most events to longer than a span.
_SHORTEST_S, _LONGEST_S = 0.5, 200.0
# Far below every score, and yet finite: a span without any event must not become NaN.
_NEVER = -1e4


class EventTransformer(nn.Module):
    """channels [batch, events, n], valid [batch, events, 1], seconds [batch, events, 1] → [batch, self.width].

    Mean and deviation over valid events, to which alone each event attends.
    """

    rates: Tensor

    def __init__(self, channels: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = 2 * width
        self.embed = nn.Linear(channels, width)
        periods = torch.logspace(math.log10(_SHORTEST_S), math.log10(_LONGEST_S), width // 2)
        self.register_buffer("rates", 2 * math.pi / periods, persistent=False)
        self.layers = nn.ModuleList(_Layer(width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, channels: Tensor, valid: Tensor, seconds: Tensor) -> Tensor:
        """See the class."""
        angles = seconds * self.rates
        hidden = self.embed(channels) + torch.cat([angles.sin(), angles.cos()], dim=2)
        unheard = ((1 - valid) * _NEVER).transpose(1, 2)[:, None]
        for layer in self.layers:
            hidden = layer(hidden, unheard)
        hidden = self.norm(hidden)
        mean = masked_mean(hidden, valid)
        variance = masked_mean((hidden - mean[:, None]).square(), valid)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1)


class _Layer(nn.Module):
    """hidden [batch, events, width], unheard [batch, 1, 1, events] → hidden (Xiong et al., 2020, arXiv 2002.04745)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before_attention, self.before_perceptron = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_heads, self.from_heads = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor, unheard: Tensor) -> Tensor:
        """See the class."""
        hidden = hidden + self.dropout(self._attended(self.before_attention(hidden), unheard))
        result: Tensor = hidden + self.dropout(self.perceptron(self.before_perceptron(hidden)))
        return result

    def _attended(self, hidden: Tensor, unheard: Tensor) -> Tensor:
        events, width = hidden.shape[1:]
        parts = self.to_heads(hidden).reshape(-1, events, 3, _HEADS, width // _HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = parts[0], parts[1], parts[2]
        attended = nn.functional.scaled_dot_product_attention(query, key, value, unheard.to(query.dtype))
        mixed: Tensor = self.from_heads(attended.transpose(1, 2).reshape(-1, events, width))
        return mixed
