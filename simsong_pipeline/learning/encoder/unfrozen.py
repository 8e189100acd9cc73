"""MusiCNN bodies that are trained together with the head upon them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simsong_pipeline.audio.musicnn_front_end import DECIBELS
from simsong_pipeline.learning.encoder.head import StartHead
from simsong_pipeline.learning.encoder.musicnn import Musicnn
from simsong_pipeline.lyrics.whitening import Whitening


class UnfrozenBodies(nn.Module):
    """features [batch, 187, 96] of MusiCNN's front end, in dB → embedding [batch, d] of unit length.

    Untrained it is the start: what the pretrained bodies hear of a patch, side by side, centred and half-whitened.
    """

    def __init__(self, bodies: Sequence[Musicnn], start: Whitening, dropout: float) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(bodies)
        self.head = StartHead(start, dropout)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        # Augmentation can take a band below silence, which the bodies have never heard.
        patches = features.clamp(min=0) / float(DECIBELS)
        heard = torch.cat([body(patches) for body in self.bodies], dim=1)
        embedding: Tensor = self.head(heard[:, None])
        return embedding
