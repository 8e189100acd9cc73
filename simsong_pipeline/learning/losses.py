"""InfoNCE (NS) and Soft-InfoNCE (WNS) as pure functions of similarities.

What does not belong here: encoders, batches, and anything that knows what a song is.
"""

import math

import torch
from torch import Tensor

SMALLEST_WEIGHT = 0.1


def info_nce(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over the rows of L_i = - sum_p q_ip log( e^{z_ip} / (e^{z_ip} + sum_j w_ij e^{z_ij}) ).

    With one positive a row (q_ip = 1) and no weights this is NT-Xent (Chen et al., 2020, arXiv 2002.05709); with
    weights from `soft_weights` it is Soft-InfoNCE (Li et al., 2023, arXiv 2310.08069). With several positives
    each is told from the negatives by itself: no positive pushes another one away.

    Args:
        logits: [n, m] similarities over temperature.
        targets: [n, m] q, rows that sum to 1, 0 for everything that is no positive.
        weights: [n, m] of the negatives, 1 where null; 0 leaves a pair out. Ignored where q > 0.

    Returns:
        A scalar, in f32.
    """
    logits = logits.float()
    weight = torch.ones_like(logits) if weights is None else weights.to(logits.dtype)
    negative = (targets == 0) & (weight > 0)
    weighted = (logits + weight.clamp_min(1e-30).log()).masked_fill(~negative, float("-inf"))
    against = torch.logsumexp(weighted, dim=1, keepdim=True)
    each = torch.nn.functional.softplus(against - logits)
    return torch.where(targets > 0, targets * each, 0.0).sum(dim=1).mean()


def graded_targets(partner: Tensor, relatedness: Tensor, share: float) -> Tensor:
    """Targets q [n, m] from each row's own pair and the similarity graph.

    The pair has 1 and a related column `share` times its relatedness; the row is scaled to sum 1.

    Args:
        partner: [n, m] true for a row's own pair, at least one a row.
        relatedness: [n, m] scores in [0, 1], 0 for the row itself and for whatever is no neighbour.
        share: 0 leaves the pair alone.
    """
    raw = torch.where(partner, 1.0, share * relatedness)
    return raw / raw.sum(dim=1, keepdim=True)


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
