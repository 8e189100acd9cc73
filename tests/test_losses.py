"""The losses against loops over single pairs."""

import math

import pytest
import torch

from simsong_pipeline.losses import info_nce, soft_weights, solve_temperature, weight_spread


def _problem(n: int = 8, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(n, 5, generator=generator), dim=1)
    lyrics = torch.nn.functional.normalize(torch.randn(n, 5, generator=generator), dim=1)
    return vectors @ vectors.T, torch.arange(n).roll(n // 2), lyrics @ lyrics.T


def _slow_info_nce(similarity: torch.Tensor, positive: torch.Tensor, t: float, weights: torch.Tensor) -> float:
    losses = []
    for i in range(len(similarity)):
        own = math.exp(similarity[i, positive[i]].item() / t)
        others = [j for j in range(len(similarity)) if j not in (i, int(positive[i]))]
        negatives = sum(weights[i, j].item() * math.exp(similarity[i, j].item() / t) for j in others)
        losses.append(-math.log(own / (own + negatives)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_info_nce_equals_the_formula(temperature: float) -> None:
    similarity, positive, _ = _problem()
    expected = _slow_info_nce(similarity, positive, temperature, torch.ones(8, 8))
    assert info_nce(similarity, positive, temperature).item() == pytest.approx(expected, rel=1e-5)


def test_weighted_info_nce_equals_the_formula() -> None:
    similarity, positive, lyrics = _problem()
    weights = soft_weights(lyrics, ~torch.eye(8, dtype=torch.bool), 0.5, 1.0, 0.3)
    expected = _slow_info_nce(similarity, positive, 0.1, weights)
    assert info_nce(similarity, positive, 0.1, weights).item() == pytest.approx(expected, rel=1e-5)


def test_info_nce_of_indistinguishable_songs_is_the_log_of_their_number() -> None:
    loss = info_nce(torch.ones(6, 6), torch.arange(6).roll(3), 0.1)
    assert loss.item() == pytest.approx(math.log(5))


def test_pair_of_weight_zero_has_no_gradient() -> None:
    similarity, positive, _ = _problem()
    similarity.requires_grad_()
    weights = torch.ones(8, 8)
    weights[0, 1] = 0.0
    info_nce(similarity, positive, 0.1, weights).backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 1] == 0
    assert similarity.grad[0, 2] > 0


def test_soft_weights_equal_the_formula() -> None:
    _, _, lyrics = _problem()
    comparable = ~torch.eye(8, dtype=torch.bool)
    weights = soft_weights(lyrics, comparable, alpha_share=0.4, beta=1.5, temperature=0.2)
    for i in range(8):
        others = [j for j in range(8) if j != i]
        total = sum(math.exp(lyrics[i, j].item() / 0.2) for j in others)
        alpha = 0.4 * 1.5 * len(others)
        for j in others:
            p = math.exp(lyrics[i, j].item() / 0.2) / total
            expected = max(0.1, (1.5 - alpha * p) / (1.5 - alpha / len(others)))
            assert weights[i, j].item() == pytest.approx(expected, rel=1e-4)


def test_alpha_zero_is_ns_to_the_bit() -> None:
    similarity, positive, lyrics = _problem()
    weights = soft_weights(lyrics, ~torch.eye(8, dtype=torch.bool), 0.0, 1.0, 0.2)
    assert torch.equal(info_nce(similarity, positive, 0.1, weights), info_nce(similarity, positive, 0.1))


def test_weight_is_one_where_lyrics_are_missing() -> None:
    _, _, lyrics = _problem()
    comparable = ~torch.eye(8, dtype=torch.bool)
    comparable[2] = comparable[:, 2] = False
    weights = soft_weights(lyrics, comparable, 0.5, 1.0, 0.2)
    assert torch.equal(weights[2], torch.ones(8))
    assert torch.equal(weights[:, 2], torch.ones(8))


def test_more_alike_lyrics_weigh_less() -> None:
    lyrics = torch.tensor([[1.0, 0.9, 0.1, -0.5]]).expand(4, 4)
    weights = soft_weights(lyrics, ~torch.eye(4, dtype=torch.bool), 0.5, 1.0, 0.5)
    assert weights[0, 1] < weights[0, 2] < weights[0, 3]


@pytest.mark.parametrize(("n", "spread"), [(40, 0.1), (40, 0.3), (1024, 0.3)])
def test_solved_temperature_gives_the_wanted_spread(n: int, spread: float) -> None:
    _, _, lyrics = _problem(n=n)
    comparable = ~torch.eye(n, dtype=torch.bool)
    temperature = solve_temperature(lyrics, comparable, 0.5, 1.0, spread)
    reached = weight_spread(soft_weights(lyrics, comparable, 0.5, 1.0, temperature), comparable)
    assert reached == pytest.approx(spread, rel=1e-3)


def test_spread_that_cannot_be_reached_gives_the_temperature_of_the_largest() -> None:
    _, _, lyrics = _problem(n=40)
    comparable = ~torch.eye(40, dtype=torch.bool)
    temperature = solve_temperature(lyrics, comparable, 0.5, 1.0, 99.0)
    best = weight_spread(soft_weights(lyrics, comparable, 0.5, 1.0, temperature), comparable)
    others = [weight_spread(soft_weights(lyrics, comparable, 0.5, 1.0, t), comparable) for t in (0.001, 0.1, 1, 10)]
    assert best >= max(others)
