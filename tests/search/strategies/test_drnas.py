from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Dirichlet as Reference
from torch.distributions import kl_divergence
from torch.nn import functional

from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.state import SearchState
from edgenas.search.strategies.drnas import Dirichlet, Drnas, distance_to_flat, log_concentration, relaxation
from edgenas.search.update import architecture_gradient

from ..toy import batch, calls, colours, copied, named, stack_space, state_of, table

TASK = colours()
VALUES = torch.tensor([[0.3, -0.4, 0.1, 0.0], [2.5, 0.0, -0.2, 0.3], [0.0, 0.2, -1.6, 0.0]])
MASK = torch.tensor([[True] * 3 + [False], [True] * 4, [True] * 3 + [False]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def logits_of(values: Tensor, mask: Tensor = MASK) -> Tensor:
    return log_concentration(values).masked_fill(~mask, -torch.inf)


def sampler(logits: Tensor) -> Dirichlet:
    return Dirichlet(logits.exp().sum(1, keepdim=True))


def mean_of(function: Callable[[Tensor], Tensor], values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean pathwise gradient of a function of the weights by one choice's values, and its standard error."""
    rows = values.expand(count, -1).clone().requires_grad_()
    logits = log_concentration(rows)
    (found,) = torch.autograd.grad(function(sampler(logits).sample(logits, seeded()).weights).sum(), rows)
    return found.mean(0), found.std(0) / count**0.5


def state(limit: float = 5.0) -> SearchState:
    ours = state_of(stack_space(), [table()], [limit])
    ours.parameters.link = Drnas().link
    with torch.no_grad():
        ours.parameters.values.copy_(VALUES)
    for _ in range(5):
        ours.multipliers.ascend(ours.parameters.logits)
    return ours


def test_the_concentration_is_elu_plus_one_and_its_logarithm_is_smooth() -> None:
    values = torch.linspace(-30, 30, 61, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(log_concentration(values).exp(), functional.elu(values) + 1)
    assert torch.autograd.gradcheck(log_concentration, (torch.tensor([-2.0, -1e-3, 1e-3, 4.0], dtype=torch.float64,
                                                                     requires_grad=True),))
    assert log_concentration(torch.tensor([-200.0, 0.0])).tolist() == [-200.0, 0.0]


def test_samples_are_on_the_simplex_and_what_does_not_exist_gets_none() -> None:
    logits = logits_of(VALUES)
    for seed in range(30):
        paths = sampler(logits).sample(logits, seeded(seed))
        torch.testing.assert_close(paths.weights.sum(1), torch.ones(3))
        assert (paths.weights >= 0).all()
        assert (paths.weights[~MASK] == 0).all()
        assert paths.active.tolist() == [[0, 1, 2, 3]] * 3


def test_samples_have_the_mean_and_the_variance_of_the_dirichlet() -> None:
    logits = logits_of(VALUES)
    for row in range(3):
        many = logits[row].expand(20_000, 4)
        weights = sampler(many).sample(many, seeded(row)).weights[:, MASK[row]]
        reference = Reference((functional.elu(VALUES[row]) + 1)[MASK[row]])
        torch.testing.assert_close(weights.mean(0), reference.mean, atol=0.01, rtol=0)
        torch.testing.assert_close(weights.var(0), reference.variance, atol=0.005, rtol=0)
        torch.testing.assert_close(torch.softmax(logits[row], 0)[MASK[row]], reference.mean)


def test_the_generator_alone_decides_and_the_global_one_is_left_as_it_was() -> None:
    logits = logits_of(VALUES)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    generator = seeded(7)
    first, second = (sampler(logits).sample(logits, generator).weights for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(sampler(logits).sample(logits, seeded(7)).weights, first)
    assert not torch.equal(first, second)


def test_the_gradient_of_the_mean_is_that_of_finite_differences() -> None:
    """E[Σ c·w] = c · mean: its gradient by β is known, and the samples' pathwise gradients average to it."""
    values, slopes = torch.tensor([0.5, -0.7, 1.2]), torch.tensor([1.0, -2.0, 0.5])
    found, error = mean_of(lambda weights: (weights * slopes).sum(1), values, 40_000)
    expected = torch.zeros(3)
    for i in range(3):
        step = 1e-3 * torch.eye(3)[i]
        high, low = (torch.softmax(log_concentration(values + s), 0) @ slopes for s in (step, -step))
        expected[i] = (high - low) / 2e-3
    assert ((found - expected).abs() < 4 * error + 1e-3).all()
    assert expected.abs().min() > 0.02


def test_the_gradient_of_a_nonlinear_loss_is_that_of_the_dirichlets_moments() -> None:
    """E[w_0²] = a (a + 1) / (A (A + 1)): the spread of the samples is learned as well."""
    values = torch.tensor([0.5, -0.7, 1.2], requires_grad=True)
    found, error = mean_of(lambda weights: weights[:, 0] ** 2, values.detach(), 40_000)
    a = functional.elu(values) + 1
    (expected,) = torch.autograd.grad(a[0] * (a[0] + 1) / (a.sum() * (a.sum() + 1)), values)
    assert ((found - expected).abs() < 4 * error + 1e-3).all()


def test_tiny_and_large_concentrations_have_finite_samples_and_gradients() -> None:
    values = torch.tensor([[-40.0, -12.0, 0.0], [-9.0, -9.0, -9.0], [300.0, 0.0, -300.0]], requires_grad=True)
    logits = log_concentration(values)
    for seed in range(50):
        weights = sampler(logits).sample(logits, seeded(seed)).weights
        (gradient,) = torch.autograd.grad((weights * torch.tensor([1.0, 2.0, 3.0])).sum(), values, retain_graph=True)
        assert weights.isfinite().all()
        assert gradient.isfinite().all()


def test_the_distance_is_the_kl_divergence_from_the_flat_dirichlet() -> None:
    found = distance_to_flat(logits_of(VALUES))
    for row in range(3):
        concentrations = (functional.elu(VALUES[row]) + 1)[MASK[row]]
        expected = kl_divergence(Reference(concentrations), Reference(torch.ones_like(concentrations)))
        assert float(found[row]) == pytest.approx(float(expected), rel=1e-4)
    flat = torch.zeros(3, 4, requires_grad=True)
    at_anchor = distance_to_flat(logits_of(flat)).sum()
    (gradient,) = torch.autograd.grad(at_anchor, flat)
    assert float(at_anchor.detach()) == pytest.approx(0.0, abs=1e-5)
    torch.testing.assert_close(gradient, torch.zeros(3, 4), atol=1e-6, rtol=0)


def test_the_multipliers_tilt_the_mean_and_leave_the_sum_of_the_concentrations() -> None:
    ours = state(limit=3.5)
    assert float(ours.multipliers.value) > 0.5
    mean = ours.probabilities.detach()
    assert float(ours.multipliers.cost(mean)) == pytest.approx(3.5, rel=0.02)
    rows = ours.logits.detach()
    total = relaxation(ours).total.detach()
    torch.testing.assert_close(total[:, 0], ((functional.elu(VALUES) + 1) * MASK).sum(1))
    for row in range(3):
        many = Dirichlet(total[row].expand(20_000, 1)).sample(rows[row].expand(20_000, 4), seeded()).weights
        torch.testing.assert_close(many.mean(0), mean[row], atol=0.01, rtol=0)
        torch.testing.assert_close(many.var(0), mean[row] * (1 - mean[row]) / (total[row] + 1), atol=0.006, rtol=0)


def test_candidates_are_scored_by_the_mean() -> None:
    parameters = ArchitectureParameters({"one": ("a", "b", "c")}, MASK[:1, :3], Drnas().link)
    with torch.no_grad():
        parameters.values.copy_(VALUES[:1, :3])
    mean = Reference(functional.elu(VALUES[0, :3]) + 1).mean
    assert [*parameters.scores()["one"].values()] == pytest.approx(mean.log().tolist(), rel=1e-4)


def test_a_step_learns_from_the_loss_and_is_drawn_to_the_anchor(monkeypatch: pytest.MonkeyPatch) -> None:
    gradients = []
    for anchoring in (0.0, 10.0):
        ours = state()
        before = copied(ours)
        Drnas(anchoring=anchoring).step(ours, batch(TASK), batch(TASK, 24), 0.5)
        assert calls(ours) == [[2] * 3, [2] * 4, [2] * 3]
        assert any(not torch.equal(p, before[name]) for name, p in named(ours).items())
        assert float(ours.multipliers.cost(ours.probabilities.detach())) == pytest.approx(5.0, rel=0.02)
        assert ours.parameters.values.grad is not None
        gradients.append(ours.parameters.values.grad.clone())
    ours = state()
    architecture_gradient(ours, relaxation(ours), batch(TASK, 24))
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(gradients[0], ours.parameters.values.grad)
    away = (gradients[1] - gradients[0])[MASK & (VALUES.abs() > 0.5)]
    assert torch.equal(away.sign(), VALUES[MASK & (VALUES.abs() > 0.5)].sign())
