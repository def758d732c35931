from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from edgenas.search.relaxation import BinaryGates, GumbelSoftmax, Relaxation, SinglePath, Softmax, gumbel

LOGITS = torch.tensor([[0.3, -0.5, 1.2, 0.0], [0.0, 2.0, -1.0, -torch.inf], [0.0, 0.0, 0.0, 0.0]])
MISSING = torch.isinf(LOGITS)
RELAXATIONS = [GumbelSoftmax(5.0), GumbelSoftmax(0.2), BinaryGates(), SinglePath(), SinglePath(uniform=True)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def fits(counts: Tensor, probabilities: Tensor) -> bool:
    """Whether counts could be samples of these probabilities; none where the probability is 0."""
    possible = probabilities > 0
    expected = probabilities[possible].double()
    expected = expected / expected.sum() * counts.sum()
    return bool(counts[~possible].sum() == 0) and chisquare(counts[possible], expected).pvalue > 1e-3


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_weights_of_a_choice_sum_to_one_and_what_does_not_exist_gets_none(relaxation: Relaxation) -> None:
    for seed in range(20):
        paths = relaxation.sample(LOGITS, seeded(seed))
        torch.testing.assert_close(paths.weights.sum(1), torch.ones(3))
        assert paths.weights[1, 3] == 0
        used = torch.zeros_like(LOGITS, dtype=torch.bool).scatter(1, paths.active, True)
        assert (paths.weights[~used] == 0).all()


@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_the_generator_alone_decides(relaxation: Relaxation) -> None:
    torch.manual_seed(1)
    first = [relaxation.sample(LOGITS, seeded(7)) for _ in range(2)]
    assert torch.equal(first[0].weights, first[1].weights)
    assert torch.equal(first[0].active, first[1].active)
    generator = seeded(7)
    assert len({tuple(relaxation.sample(LOGITS, generator).weights.flatten().tolist()) for _ in range(20)}) > 5


@pytest.mark.parametrize("relaxation", [GumbelSoftmax(1.0), BinaryGates()])
def test_gradients_are_finite_and_none_reaches_what_does_not_exist(relaxation: Relaxation) -> None:
    values = torch.zeros(3, 4, requires_grad=True)
    total = torch.zeros(3, 4)
    for seed in range(10):
        weights = relaxation.sample(values.masked_fill(MISSING, -torch.inf), seeded(seed)).weights
        total += torch.autograd.grad((weights * torch.randn(3, 4, generator=seeded(seed))).sum(), values)[0]
    assert total.isfinite().all()
    assert total[1, 3] == 0
    assert (total[0] != 0).sum() >= 3


def test_gumbel_noise_has_its_mean_and_variance() -> None:
    noise = gumbel(torch.zeros(400, 500), seeded())
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.01)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.03)
    assert noise.isfinite().all()


def test_a_cold_gumbel_softmax_is_one_hot_with_the_frequencies_of_the_softmax() -> None:
    for row in LOGITS:
        weights = GumbelSoftmax(1e-4).sample(row.expand(4000, 4), seeded(1)).weights
        assert (weights.max(1).values > 0.999).float().mean() > 0.99
        assert fits(weights.round().sum(0), torch.softmax(row, 0))


def test_a_hot_gumbel_softmax_is_near_uniform_and_computes_all_candidates() -> None:
    paths = GumbelSoftmax(1000.0).sample(LOGITS[[0, 2]], seeded())
    torch.testing.assert_close(paths.weights, torch.full((2, 4), 0.25), atol=0.01, rtol=0)
    assert paths.active.tolist() == [[0, 1, 2, 3]] * 2
    assert not paths.single


def test_gumbel_softmax_has_the_gradient_of_its_formula() -> None:
    coefficients = torch.randn(3, 4, generator=seeded(3), dtype=torch.float64)
    logits = torch.randn(3, 4, generator=seeded(4), dtype=torch.float64, requires_grad=True)

    def cost(values: Tensor) -> Tensor:
        return (GumbelSoftmax(0.7).sample(values, seeded(5)).weights * coefficients).sum()

    assert torch.autograd.gradcheck(cost, (logits,))


def test_the_mixed_operation_weighs_all_candidates_by_the_softmax_and_draws_nothing() -> None:
    generator, values = seeded(1), LOGITS.clone().requires_grad_()
    paths = Softmax().sample(values, generator)
    torch.testing.assert_close(paths.weights, torch.softmax(LOGITS, 1))
    assert paths.active.tolist() == [[0, 1, 2, 3]] * 3
    assert paths.weights.requires_grad
    assert not paths.single
    assert torch.equal(generator.get_state(), seeded(1).get_state())


def test_binary_gates_open_one_of_two_computed_paths() -> None:
    paths = BinaryGates().sample(LOGITS.clone().requires_grad_(), seeded())
    assert paths.active.shape == (3, 2)
    assert (paths.active[:, 0] != paths.active[:, 1]).all()
    assert paths.weights.requires_grad
    assert sorted(paths.weights.detach().flatten().tolist()) == pytest.approx([0.0] * 9 + [1.0] * 3, abs=1e-6)
    assert not paths.single


def test_the_two_paths_are_drawn_without_replacement_and_the_open_one_by_their_share() -> None:
    p = torch.softmax(LOGITS[0], 0)
    paths = BinaryGates().sample(LOGITS[0].expand(20_000, 4), seeded(2))
    pair = torch.zeros(4, 4)
    opened = torch.zeros(4, 4)
    for i in range(4):
        for j in range(i + 1, 4):
            pair[i, j] = p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j])
            opened[i, j], opened[j, i] = pair[i, j] * p[i] / (p[i] + p[j]), pair[i, j] * p[j] / (p[i] + p[j])
    low, high = paths.active.min(1).values, paths.active.max(1).values
    assert fits(torch.bincount(4 * low + high, minlength=16), pair.flatten())
    one = paths.weights.round().argmax(1)
    other = paths.active.sum(1) - one
    assert fits(torch.bincount(4 * one + other, minlength=16), opened.flatten())


def test_the_gates_gradient_is_the_papers() -> None:
    """∂L/∂α_i = Σ_j ∂L/∂g_j p_j (δ_ij − p_i) over the two sampled paths, p renormalised (eq. 4)."""
    per_gate = torch.randn(3, 4, generator=seeded(3))
    logits = LOGITS.clone().requires_grad_()
    paths = BinaryGates().sample(logits, seeded(4))
    (gradient,) = torch.autograd.grad((paths.weights * per_gate).sum(), logits)
    expected = torch.zeros(3, 4)
    for row, two in enumerate(paths.active.tolist()):
        p = torch.softmax(LOGITS[row, two], 0)
        for a, i in enumerate(two):
            expected[row, i] = sum(per_gate[row, j] * p[b] * (float(a == b) - p[a]) for b, j in enumerate(two))
    torch.testing.assert_close(gradient, expected)


def test_a_choice_with_one_allowed_candidate_opens_it_always() -> None:
    logits = torch.tensor([[-torch.inf, 0.5, -torch.inf]], requires_grad=True)
    for seed in range(20):
        for relaxation in RELAXATIONS:
            weights = relaxation.sample(logits, seeded(seed)).weights
            assert weights.detach().tolist() == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("uniform", [False, True])
def test_a_single_path_is_drawn_by_the_softmax_or_uniformly(uniform: bool) -> None:
    for row in LOGITS:
        logits = row.expand(4000, 4).clone().requires_grad_()
        paths = SinglePath(uniform).sample(logits, seeded(1))
        assert paths.single
        assert paths.active.shape == (4000, 1)
        assert not paths.weights.requires_grad
        assert torch.equal(paths.weights.argmax(1, keepdim=True), paths.active)
        expected = torch.isfinite(row).float() if uniform else torch.softmax(row, 0)
        assert fits(torch.bincount(paths.active[:, 0], minlength=4), expected)
