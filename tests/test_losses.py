"""The losses against loops over single pairs."""

import math

import pytest
import torch

from simsong_pipeline.learning.losses import graded_targets, info_nce, soft_weights, solve_temperature, weight_spread


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


OTHERS = 1 - torch.eye(8)  # a row is no negative of itself


def _pairs(n: int = 8) -> torch.Tensor:
    return torch.eye(n).roll(n // 2, dims=1)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_info_nce_equals_the_formula(temperature: float) -> None:
    similarity, positive, _ = _problem()
    expected = _slow_info_nce(similarity, positive, temperature, torch.ones(8, 8))
    assert info_nce(similarity / temperature, _pairs(), OTHERS).item() == pytest.approx(expected, rel=1e-5)


def test_weighted_info_nce_equals_the_formula() -> None:
    similarity, positive, lyrics = _problem()
    weights = soft_weights(lyrics, ~torch.eye(8, dtype=torch.bool), 0.5, 1.0, 0.3)
    expected = _slow_info_nce(similarity, positive, 0.1, weights)
    assert info_nce(similarity / 0.1, _pairs(), weights * OTHERS).item() == pytest.approx(expected, rel=1e-5)


def test_several_positives_equal_the_formula() -> None:
    similarity, _, _ = _problem()
    targets = graded_targets(_pairs() > 0, torch.eye(8).roll(1, dims=1) * 0.5, share=0.8)
    total = 0.0
    for i in range(8):
        own, related = (i + 4) % 8, (i + 1) % 8
        negatives = sum(math.exp(similarity[i, j].item() / 0.1) for j in range(8) if j not in (i, own, related))
        for p, share in ((own, 1 / 1.4), (related, 0.4 / 1.4)):
            e = math.exp(similarity[i, p].item() / 0.1)
            total -= share * math.log(e / (e + negatives)) / 8
    assert info_nce(similarity / 0.1, targets, OTHERS).item() == pytest.approx(total, rel=1e-5)


def test_positives_do_not_push_each_other_away() -> None:
    similarity, _, _ = _problem()
    similarity.requires_grad_()
    info_nce(similarity / 0.1, graded_targets(_pairs() > 0, torch.eye(8).roll(1, dims=1), 1.0), OTHERS).backward()
    assert similarity.grad is not None
    assert similarity.grad[0, 1] < 0
    assert similarity.grad[0, 4] < 0


def test_graph_share_of_nothing_leaves_the_pair_alone() -> None:
    assert torch.equal(graded_targets(_pairs() > 0, torch.rand(8, 8), 0.0), _pairs())


def test_info_nce_of_indistinguishable_songs_is_the_log_of_their_number() -> None:
    loss = info_nce(torch.ones(6, 6), _pairs(6), 1 - torch.eye(6))
    assert loss.item() == pytest.approx(math.log(5))


def test_columns_may_be_more_than_rows() -> None:
    logits = torch.zeros(2, 6)
    targets = torch.tensor([[0.0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    weights = torch.ones(2, 6)
    weights[0, 0] = weights[1, 1] = 0
    assert info_nce(logits, targets, weights).item() == pytest.approx(math.log(5))


def test_pair_of_weight_zero_has_no_gradient() -> None:
    similarity, _, _ = _problem()
    similarity.requires_grad_()
    weights = OTHERS.clone()
    weights[0, 1] = 0.0
    info_nce(similarity / 0.1, _pairs(), weights).backward()
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
    similarity, _, lyrics = _problem()
    weights = soft_weights(lyrics, ~torch.eye(8, dtype=torch.bool), 0.0, 1.0, 0.2)
    assert torch.equal(info_nce(similarity, _pairs(), weights * OTHERS), info_nce(similarity, _pairs(), OTHERS))


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
