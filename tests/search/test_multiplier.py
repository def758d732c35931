from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import Tensor

from edgenas.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.search.multiplier import Ascent, Multipliers, allowed
from edgenas.space import Architecture

from .toy import COSTS, table

CHOICES = {choice: tuple(f"o{i}" for i in range(len(costs))) for choice, costs in COSTS.items()}
MACS, PARAMS = table("macs"), replace(table("params", 10.0, fixed=2.0), bias=3.0, margin=0.25)
MODELS = {"macs": MACS, "params": PARAMS, "peak_memory_kib": table("peak_memory_kib", combine="max")}


def multipliers(*budgets: Budget, ascent: Ascent | None = None) -> Multipliers:
    return Multipliers(CHOICES, MODELS, budgets, ascent or Ascent())


def one_hot(architecture: Architecture) -> Tensor:
    weights = torch.zeros(3, 4)
    for row, (choice, names) in enumerate(CHOICES.items()):
        weights[row, names.index(architecture[choice])] = 1.0
    return weights


def even() -> Tensor:
    """Expected MACs 1 + 7/3 + 10.5/4 + 4.5/3 = 7.4583."""
    return torch.tensor([[1 / 3] * 3 + [0], [1 / 4] * 4, [1 / 3] * 3 + [0]])


def test_the_cost_of_one_hot_weights_is_the_models_prediction() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    for picks in product(*CHOICES.values()):
        architecture = Architecture(dict(zip(CHOICES, picks, strict=True)))
        expected = [MACS.predict(architecture), PARAMS.predict(architecture)]
        assert both.cost(one_hot(architecture)).tolist() == pytest.approx(expected)


def test_the_cost_is_linear_in_the_weights() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    a, b = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(0))
    for share in (0.0, 0.3, 1.0):
        torch.testing.assert_close(both.cost(share * a + (1 - share) * b),
                                   share * both.cost(a) + (1 - share) * both.cost(b))
    assert float(both.cost(even())[0]) == pytest.approx(1 + 7 / 3 + 10.5 / 4 + 1.5)


def test_the_target_is_below_the_limit_by_the_models_margin() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    assert both.get_buffer("targets").tolist() == pytest.approx([5.0, 40.0])


def test_the_ascent_rises_above_the_target_falls_below_it_and_never_passes_nought() -> None:
    above, below = multipliers(Budget("macs", 5.0)), multipliers(Budget("macs", 10.0))
    violation = float(above.cost(even())) / 5.0 - 1
    for step in range(1, 4):
        above.ascend(even())
        below.ascend(even())
        assert float(above.value) == pytest.approx(step * 0.02 * violation, rel=1e-5)
        assert float(below.value) == 0.0
    light = one_hot(Architecture({"one": "o0", "two": "o2", "three": "o2"}))
    before = float(above.value)
    above.ascend(light)
    assert 0 <= float(above.value) < before
    for _ in range(50):
        above.ascend(light)
    assert float(above.value) == 0.0


def test_each_budget_has_a_multiplier_of_its_own() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 1000.0))
    both.ascend(even())
    assert both.metrics == ["macs", "params"]
    assert both.value[0] > 0
    assert both.value[1] == 0


def test_the_penalty_and_its_gradient_are_those_of_the_formula() -> None:
    damped = multipliers(Budget("macs", 5.0), Budget("params", 1000.0), ascent=Ascent(damping=0.5))
    damped.value.copy_(torch.tensor([0.3, 0.7]))
    weights = even().requires_grad_()
    macs, params = (float(c) for c in damped.cost(even()))
    v, w = macs / 5 - 1, params / 800 - 1
    assert v > 0 > w
    penalty = damped.penalty(weights)
    assert penalty.item() == pytest.approx(0.3 * v + 0.25 * v**2 + 0.7 * w, rel=1e-5)
    penalty.backward()
    assert weights.grad is not None
    expected = (0.3 + 0.5 * v) / 5 * MACS.tensor(CHOICES) + 0.7 / 800 * PARAMS.tensor(CHOICES)
    torch.testing.assert_close(weights.grad, expected)


def test_without_a_summed_budget_there_is_no_penalty() -> None:
    none = multipliers(Budget("peak_memory_kib", 3.0))
    assert none.metrics == []
    assert float(none.penalty(even())) == 0.0
    none.ascend(even())
    assert none.cost(even()).shape == (0,)


def test_a_checkpoint_holds_the_multipliers() -> None:
    one, other = multipliers(Budget("macs", 5.0)), multipliers(Budget("macs", 5.0))
    one.ascend(even())
    other.load_state_dict(one.state_dict())
    assert float(other.value) == float(one.value) > 0


def test_a_budget_of_a_maximum_removes_candidates_and_a_summed_one_none() -> None:
    every = torch.tensor([[True] * 3 + [False], [True] * 4, [True] * 3 + [False]])
    assert torch.equal(allowed(CHOICES, MODELS, [Budget("macs", 0.1)]), every)
    mask = allowed(CHOICES, MODELS, [Budget("macs", 0.1), Budget("peak_memory_kib", 2.0)])
    assert mask.tolist() == [[True, True, False, False], [False, True, True, False], [True, False, True, False]]


NAMES = ("cheap", "macs", "params", "both")
SCORE = torch.tensor([0.0, 1.0, 1.1, 2.0]) * torch.tensor([0.6, 0.8, 1.0, 1.2])[:, None]  # likes what is expensive


def best_expected_score(models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> float:
    """The linear program over the candidates' probabilities."""
    costs = [[c for costs in models[b.metric].table.values() for c in costs.values()] for b in budgets]
    solved = linprog(-SCORE.flatten().numpy() / 4, costs, [b.limit for b in budgets], np.kron(np.eye(4), np.ones(4)),
                     np.ones(4))
    return float(-solved.fun)


@pytest.mark.parametrize("shares", [(0.7, 0.7), (0.75, 0.55), (0.5, 0.8)])
def test_dual_ascent_meets_two_budgets_at_once_and_uses_them_well(shares: tuple[float, float]) -> None:
    """Four choices of candidates that are cheap, costly in the one metric, in the other, or in both."""
    choices = {f"c{i}": NAMES for i in range(4)}

    def model(metric: str, costs: tuple[float, ...]) -> CostModel:
        return CostModel(metric, "sum", 0.0, {c: dict(zip(NAMES, costs, strict=True)) for c in choices})

    models = {"macs": model("macs", (0.1, 1.0, 0.2, 1.0)), "params": model("params", (0.1, 0.2, 1.0, 1.0))}
    budgets = [Budget(m, share * models[m].reachable[1]) for m, share in zip(models, shares, strict=True)]
    multiplier = Multipliers(choices, models, budgets, Ascent(rate=0.02, damping=1.0))
    values = torch.zeros(4, 4, requires_grad=True)
    optimizer = torch.optim.Adam([values], 0.02, betas=(0.5, 0.999))
    for _ in range(1500):
        weights = torch.softmax(values, 1)
        optimizer.zero_grad()
        (multiplier.penalty(weights) - (weights * SCORE).sum() / 4).backward()
        optimizer.step()
        multiplier.ascend(torch.softmax(values.detach(), 1))
    final = torch.softmax(values.detach(), 1)
    assert [c / b.limit for c, b in zip(multiplier.cost(final).tolist(), budgets, strict=True)] == pytest.approx(
        [1.0, 1.0], abs=0.05)
    assert float((final * SCORE).sum() / 4) == pytest.approx(best_expected_score(models, budgets), rel=0.05)
