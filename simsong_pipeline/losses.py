"""InfoNCE (NS) and Soft-InfoNCE (WNS) as pure functions of similarities.

What does not belong here: encoders, batches, and anything that knows what a song is.
"""

import math

import torch
from torch import Tensor

SMALLEST_WEIGHT = 0.1


def info_nce(similarity: Tensor, positive: Tensor, temperature: float, weights: Tensor | None = None) -> Tensor:
    """Mean of L_i = -log( e^{s_ip/t} / (e^{s_ip/t} + sum_j w_ij e^{s_ij/t}) ) over the rows.

    With no weights this is NT-Xent (Chen et al., 2020, arXiv 2002.05709); with weights from
    `soft_weights` it is Soft-InfoNCE (Li et al., 2023, arXiv 2310.08069).

    Args:
        similarity: [n, n] cosines; the diagonal is left out.
        positive: [n] column of each row's positive.
        weights: [n, n], 1 where null; a weight of 0 leaves a pair out. Diagonal and positive are ignored.

    Returns:
        A scalar, in f32.
    """
    logits = similarity.float() / temperature
    rows = torch.arange(len(logits), device=logits.device)
    weight = torch.ones_like(logits) if weights is None else weights.to(logits.dtype).clone()
    weight[rows, rows] = 0.0
    weight[rows, positive] = 1.0
    weighted = logits + weight.clamp_min(1e-30).log()
    weighted = weighted.masked_fill(weight == 0, float("-inf"))
    return (torch.logsumexp(weighted, dim=1) - logits[rows, positive]).mean()


def soft_weights(
    lyric_similarity: Tensor, comparable: Tensor, alpha_share: float, beta: float, temperature: float
) -> Tensor:
    """w_ij = max(0.1, (beta - alpha p_ij) / (beta - alpha / n_i)) with p_ij = softmax_j(lyric similarity / t').

    The softmax runs over the n_i pairs of row i that are comparable; alpha = alpha_share * beta * n_i. Written
    so, a pair of average likeness has weight 1 whatever the batch size, and alpha_share says how hard a pair
    of more likeness is pushed down. With a constant alpha the weights go to 1 as batches grow.

    Args:
        lyric_similarity: [n, n] cosines of lyric vectors.
        comparable: [n, n] true where both songs have lyrics and the pair is a negative; elsewhere w = 1.

    Returns:
        [n, n] weights in [0.1, 1 / (1 - alpha_share)].
    """
    scaled = (lyric_similarity / temperature).masked_fill(~comparable, float("-inf"))
    likeness = torch.nan_to_num(torch.softmax(scaled, dim=1))
    count = comparable.sum(dim=1, keepdim=True).clamp_min(1)
    alpha = alpha_share * beta * count
    weights = (beta - alpha * likeness) / (beta - alpha / count)
    return torch.where(comparable, weights.clamp_min(SMALLEST_WEIGHT), torch.ones_like(weights))


def weight_spread(weights: Tensor, comparable: Tensor) -> float:
    """Standard deviation of the weights over comparable pairs; 0 where there is none."""
    chosen = weights[comparable]
    spread: float = chosen.std(unbiased=False).item() if chosen.numel() else 0.0
    return spread


def solve_temperature(
    lyric_similarity: Tensor, comparable: Tensor, alpha_share: float, beta: float, spread: float
) -> float:
    """The lyric temperature at which the weights have the wanted spread.

    The spread is a hump: all weights are 1 when it is hot, and when it is cold one pair of each row takes the
    whole likeness and the others are alike again. The peak is found on a grid, then the warm side of it is
    bisected. Where even the peak is lower than wanted, the peak's temperature is returned: a caller that logs
    the spread reached will see it.
    """

    def reached(temperature: float) -> float:
        weights = soft_weights(lyric_similarity, comparable, alpha_share, beta, temperature)
        return weight_spread(weights, comparable)

    grid = [10 ** (-3 + 6 * step / 60) for step in range(61)]
    peak = max(grid, key=reached)
    low, high = peak, grid[-1]
    if reached(peak) <= spread:
        return peak
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if reached(middle) > spread else (low, middle)
    return math.sqrt(low * high)
