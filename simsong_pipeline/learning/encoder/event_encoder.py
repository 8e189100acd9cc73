"""The encoder of sound events: the untrained start by statistics, and upon it what training learns of their order."""

import numpy as np
import torch
from torch import Tensor, nn

from simsong_pipeline.audio.event_layout import DURATION, PITCHES
from simsong_pipeline.audio.event_statistics import DESCRIBED, DEVIATIONS, MEANS
from simsong_pipeline.config import EventConfig
from simsong_pipeline.learning.encoder.event_convolution import EventConvolution
from simsong_pipeline.learning.encoder.event_statistics import described_events, span_statistics, valid_events
from simsong_pipeline.learning.encoder.event_transformer import EventTransformer
from simsong_pipeline.lyrics.whitening import Whitening

_PITCHES = PITCHES.stop - PITCHES.start
# Described events and pitch classes, both also as they changed since the event before, and where in the span they lie.
_CHANNELS = 2 * (DESCRIBED + _PITCHES) + 1
# So many deviations off is as far as an event can be.
_FARTHEST = 5.0


class EventEncoder(nn.Module):
    """features [batch, events, CHANNELS] → embedding [batch, d] of unit length.

    A linear map of the start and of what the body heard is added to the start. It begins as zero, so that the untrained
    encoder is the start to the last bit. Rows of duration 0 change nothing wherever they are appended.
    """

    mean: Tensor
    projection: Tensor

    def __init__(self, start: Whitening, config: EventConfig, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(np.ascontiguousarray(start.mean)))
        self.register_buffer("projection", torch.from_numpy(np.ascontiguousarray(start.projection)))
        self.body = _body(config, dropout)
        self.norm = nn.LayerNorm(self.body.width)
        self.dropout = nn.Dropout(dropout)
        dim = start.projection.shape[1]
        self.residual = nn.Linear(dim + self.body.width, dim, bias=False)
        nn.init.zeros_(self.residual.weight)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        begun = (span_statistics(features) - self.mean) @ self.projection
        valid, seconds = valid_events(features), event_seconds(features)
        heard = self.norm(self.body(self._channels(features, valid, seconds), valid, seconds))
        learned = self.residual(self.dropout(torch.cat([begun, heard], dim=1)))
        return nn.functional.normalize(begun + learned, dim=1)

    def _channels(self, features: Tensor, valid: Tensor, seconds: Tensor) -> Tensor:
        """[batch, events, _CHANNELS] of about unit scale, zero where there is no event."""
        # The means and deviations that the start is centred by are the collection's own.
        scale = self.mean[DEVIATIONS].clamp_min(1e-3)
        standard = ((described_events(features) - self.mean[MEANS]) / scale).clamp(-_FARTHEST, _FARTHEST)
        whole = features[:, :, DURATION].sum(dim=1).clamp_min(1e-3)
        place = 2 * seconds / whole[:, None, None] - 1
        heard = torch.cat([standard, 2 * features[:, :, PITCHES] - 1], dim=2)
        return torch.cat([heard, _changes(heard, valid), place], dim=2) * valid


def _changes(heard: Tensor, valid: Tensor) -> Tensor:
    """[batch, events, width] from each event's predecessor to it; zero where there is none."""
    changes = (heard[:, 1:] - heard[:, :-1]) * valid[:, :-1]
    return nn.functional.pad(changes, (0, 0, 1, 0))


def event_seconds(features: Tensor) -> Tensor:
    """[batch, events, 1] the middle of each event, in seconds from the span's start."""
    lengths = features[:, :, DURATION]
    # Not by cumsum: torch.compile has no GPU kernel for it beside the sums that follow.
    earlier = torch.ones(lengths.shape[1], lengths.shape[1], device=lengths.device).tril(-1)
    begins = (earlier * lengths[:, None]).sum(dim=2)
    return (begins + lengths / 2)[:, :, None]


def _body(config: EventConfig, dropout: float) -> EventConvolution | EventTransformer:
    if config.body == "transformer":
        return EventTransformer(_CHANNELS, config.width, config.layers, dropout)
    return EventConvolution(_CHANNELS, config.width, config.layers)
