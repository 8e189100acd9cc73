"""From hidden vectors over time to one vector."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Pooling(nn.Module):
    """hidden [batch, time, width] → [batch, self.width]."""

    width: int


class StatisticsPooling(Pooling):
    """hidden [batch, time, width] → [batch, 2 width]: mean and deviation over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = 2 * width

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([hidden.mean(dim=1), (hidden.var(dim=1, unbiased=False) + 1e-5).sqrt()], dim=1)


class MeanPooling(Pooling):
    """hidden [batch, time, width] → [batch, width]: the mean over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        return hidden.mean(dim=1)


class AttentionPooling(Pooling):
    """hidden [batch, time, width] → [batch, 2 width]: mean and deviation under learned weights over time.

    Attentive statistics (Okabe et al., 2018, arXiv 1803.10963).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = 2 * width
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))

    def forward(self, hidden: Tensor) -> Tensor:
        """See the class."""
        weight = self.score(hidden).softmax(dim=1)
        mean = (weight * hidden).sum(dim=1)
        variance = (weight * (hidden - mean[:, None]).square()).sum(dim=1)
        return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1)


POOLINGS: dict[str, Callable[[int], Pooling]] = {
    "statistics": StatisticsPooling,
    "mean": MeanPooling,
    "attention": AttentionPooling,
}
