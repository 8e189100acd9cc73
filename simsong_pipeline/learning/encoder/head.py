"""A head on frozen features: the untrained start, and a residual upon it that training learns."""

import numpy as np
import torch
from torch import Tensor, nn

from simsong_pipeline.lyrics.whitening import Whitening


class StartHead(nn.Module):
    """features [batch, rows, channels] of a song or a part of one → embedding [batch, d] of unit length.

    Rows are averaged, centred and half-whitened as the start has it; a linear map of that space is added, which begins
    as zero, so that the untrained head is the start to the last bit.
    """

    mean: Tensor
    projection: Tensor

    def __init__(self, start: Whitening, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(np.ascontiguousarray(start.mean)))
        self.register_buffer("projection", torch.from_numpy(np.ascontiguousarray(start.projection)))
        dim = start.projection.shape[1]
        self.dropout = nn.Dropout(dropout)
        self.residual = nn.Linear(dim, dim, bias=False)
        nn.init.zeros_(self.residual.weight)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        begun = (features.mean(dim=1) - self.mean) @ self.projection
        return nn.functional.normalize(begun + self.residual(self.dropout(begun)), dim=1)
