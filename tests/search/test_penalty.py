from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch import Tensor

from edgenas.cost.budget import Budget
from edgenas.errors import UsageError
from edgenas.search.penalty import PENALTIES, PenaltyName, penalty_of, units
from edgenas.search.relaxation import BinaryGates, GumbelSoftmax, SinglePath
from edgenas.search.state import SearchState
from edgenas.search.update import single_level, weight_step

from .toy import batch, colours, copied, named, stack_space, state_of, table

TASK = colours()
COSTS, TARGETS = torch.tensor([7.0, 300.0], dtype=torch.float64), torch.tensor([5.0, 400.0], dtype=torch.float64)
LOSS = torch.tensor(1.5, dtype=torch.float64)
MACS, LATENCY = table(fixed=3.0), table("latency_ms", scale=0.01, fixed=0.05)


def test_every_penalty_can_be_asked_for() -> None:
    assert {"multiplier", *PENALTIES} == set(get_args(PenaltyName))


@pytest.mark.parametrize(("name", "expected"), [
    ("proxyless_product", 0.2 * 1.5 * (math.log(7) / math.log(5) * math.log(300) / math.log(400)) ** 0.3),
    ("proxyless_sum", 1.5 + 0.1 * (2 / 5 - 100 / 400)),
    ("fbnet", 1.5 * 0.2 * math.log(7) ** 0.6 * 0.2 * math.log(300) ** 0.6),
    ("snas", 1.5 + 0.01 * (7 / 5 + 300 / 400)),
])
def test_the_penalised_loss_is_the_papers_formula_with_its_coefficients(name: str, expected: float) -> None:
    assert float(PENALTIES[name]()(LOSS, COSTS, TARGETS)) == pytest.approx(expected)


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradients_by_loss_and_cost_are_those_of_finite_differences(name: str) -> None:
    penalty = PENALTIES[name]()
    given = LOSS.clone().requires_grad_(), COSTS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda loss, costs: penalty(loss, costs, TARGETS), given)
    by_cost = torch.autograd.grad(penalty(LOSS, given[1], TARGETS), given[1])[0]
    assert (by_cost > 0).all(), "what costs more is charged more"


def state(name: PenaltyName, *, latency: bool = False) -> SearchState:
    model = LATENCY if latency else MACS
    ours = state_of(stack_space(), [model], [model.reachable[1] * 0.6])
    ours.multipliers.learned = False
    ours.penalty = penalty_of(name, {model.metric: model}, [Budget(model.metric, model.reachable[1] * 0.6)])
    ours.supernet.eval()
    with torch.no_grad():
        ours.parameters.values.normal_(generator=torch.Generator().manual_seed(0))
    return ours


def gradients(ours: SearchState) -> tuple[Tensor, Tensor, Tensor, float]:
    """By the architecture: of the objective and of the plain loss; the sampled weights; the loss's value."""
    seed = ours.generator.get_state()
    paths = ours.route(GumbelSoftmax(1.0))
    loss = ours.loss(batch(TASK))[0]
    (whole,) = torch.autograd.grad(loss, ours.parameters.values)
    penalty, ours.penalty = ours.penalty, None
    ours.generator.set_state(seed)
    ours.route(GumbelSoftmax(1.0))
    (plain,) = torch.autograd.grad(ours.loss(batch(TASK))[0], ours.parameters.values)
    ours.penalty = penalty
    return whole, plain, paths.weights.detach(), float(loss.detach())


def test_the_gradient_of_snas_is_linear_in_the_samples() -> None:
    """∂/∂α of η Σ c·Z/T: by the chain rule through the softmax of the sample, temperature 1."""
    ours = state("snas")
    whole, plain, z, _ = gradients(ours)
    c = ours.multipliers.tables[0] / ours.multipliers.targets[0]
    expected = 0.01 * z * (c - (z * c).sum(1, keepdim=True))
    torch.testing.assert_close(whole - plain, expected, rtol=1e-3, atol=1e-6)


def test_the_gradient_of_the_proxyless_sum_is_that_of_the_expected_cost() -> None:
    ours = state("proxyless_sum")
    whole, plain, _, _ = gradients(ours)
    p, c = ours.probabilities.detach(), ours.multipliers.tables[0] / ours.multipliers.targets[0]
    torch.testing.assert_close(whole - plain, 0.1 * p * (c - (p * c).sum(1, keepdim=True)), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("latency", [False, True])
def test_the_products_scale_the_losss_gradient_and_add_the_costs(latency: bool) -> None:
    """Latency is taken in microseconds."""
    ours, unit = state("fbnet", latency=latency), 1000.0 if latency else 1.0
    whole, plain, z, value = gradients(ours)
    c = ours.multipliers.tables[0] * unit
    cost = float(ours.multipliers.cost(z)[0]) * unit
    slope = 0.2 * 0.6 * math.log(cost) ** -0.4 / cost
    expected = 0.2 * math.log(cost) ** 0.6 * plain + value * slope * z * (c - (z * c).sum(1, keepdim=True))
    torch.testing.assert_close(whole, expected, rtol=1e-3, atol=1e-6)
    assert units(["latency_ms", "macs"]).tolist() == [1000.0, 1.0]


@pytest.mark.parametrize("name", PENALTIES)
def test_the_value_that_is_logged_stays_the_cross_entropy(name: PenaltyName) -> None:
    ours, plain = state(name), state("multiplier")
    assert single_level(ours, GumbelSoftmax(1.0), batch(TASK)) == pytest.approx(
        single_level(plain, GumbelSoftmax(1.0), batch(TASK)))


@pytest.mark.parametrize("name", PENALTIES)
def test_weight_steps_pay_nothing(name: PenaltyName) -> None:
    ours, plain = state(name), state("multiplier")
    before = copied(ours)
    weight_step(ours, SinglePath(), batch(TASK))
    weight_step(plain, SinglePath(), batch(TASK))
    assert all(torch.equal(p, named(plain)[key]) for key, p in named(ours).items())
    assert any(not torch.equal(p, before[key]) for key, p in named(ours).items())


@pytest.mark.parametrize("name", PENALTIES)
def test_with_a_penalty_nothing_is_tilted_and_the_expected_cost_falls(name: PenaltyName) -> None:
    ours = state(name)
    with torch.no_grad():
        ours.parameters.values.zero_()
    before = float(ours.multipliers.cost(ours.probabilities.detach())[0])
    for _ in range(30):
        ours.route(BinaryGates())
        priced = ours.priced(torch.ones(()))  # a loss that says nothing
        ours.architecture_optimizer.zero_grad()
        priced.backward()  # type: ignore[no-untyped-call]
        ours.architecture_optimizer.step()
        ours.multipliers.ascend(ours.parameters.logits)
    assert float(ours.multipliers.value) == 0.0
    assert torch.equal(ours.logits, ours.parameters.logits)
    assert float(ours.multipliers.cost(ours.probabilities.detach())[0]) < before - 0.1


def test_without_a_summed_budget_there_is_nothing_to_charge_for() -> None:
    memory = table("peak_memory_kib", combine="max")
    assert penalty_of("fbnet", {"peak_memory_kib": memory}, [Budget("peak_memory_kib", 2.0)]) is None
    assert penalty_of("multiplier", {"macs": MACS}, [Budget("macs", 5.0)]) is None


def test_a_logarithm_of_a_cost_below_one_is_refused() -> None:
    small = table("latency_ms", scale=1e-6, fixed=5e-4)
    names: tuple[PenaltyName, ...] = ("fbnet", "proxyless_product")
    for name in names:
        with pytest.raises(UsageError, match=rf"penalty {name} takes the log.* above 1 µs; .* down to 0\.50") as caught:
            penalty_of(name, {"latency_ms": small}, [Budget("latency_ms", 1.0)])
        assert "search.penalty=" in caught.value.hint
    assert penalty_of("snas", {"latency_ms": small}, [Budget("latency_ms", 1.0)]) is not None
