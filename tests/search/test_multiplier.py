from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.search.multiplier import Multipliers, allowed
from edgenas.space import Architecture

from .toy import COSTS, table

CHOICES = {choice: tuple(f"o{i}" for i in range(len(costs))) for choice, costs in COSTS.items()}
MACS, PARAMS = table("macs"), replace(table("params", 10.0, fixed=2.0), bias=3.0, margin=0.25)
MODELS = {"macs": MACS, "params": PARAMS, "peak_memory_kib": table("peak_memory_kib", combine="max")}
EXISTS = torch.tensor([[True] * 3 + [False], [True] * 4, [True] * 3 + [False]])
EVEN = torch.zeros(3, 4).masked_fill(~EXISTS, -torch.inf)  # logits; expected MACs 1 + 7/3 + 10.5/4 + 4.5/3 = 7.4583


def multipliers(*budgets: Budget) -> Multipliers:
    return Multipliers(CHOICES, MODELS, budgets)


def expected(found: Multipliers, logits: Tensor) -> Tensor:
    return found.cost(torch.softmax(found.tilt(logits), 1))


def test_the_cost_of_one_hot_weights_is_the_models_prediction() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    for picks in product(*CHOICES.values()):
        architecture = Architecture(dict(zip(CHOICES, picks, strict=True)))
        weights = torch.zeros(3, 4)
        for row, (names, picked) in enumerate(zip(CHOICES.values(), picks, strict=True)):
            weights[row, names.index(picked)] = 1.0
        assert both.cost(weights).tolist() == pytest.approx([MACS.predict(architecture), PARAMS.predict(architecture)])


def test_the_cost_is_linear_in_the_weights() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    a, b = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(0))
    for share in (0.0, 0.3, 1.0):
        torch.testing.assert_close(both.cost(share * a + (1 - share) * b),
                                   share * both.cost(a) + (1 - share) * both.cost(b))
    assert float(both.cost(torch.softmax(EVEN, 1))[0]) == pytest.approx(1 + 7 / 3 + 10.5 / 4 + 1.5)


def test_the_target_is_below_the_limit_by_the_models_margin() -> None:
    assert multipliers(Budget("macs", 5.0), Budget("params", 50.0)).targets.tolist() == pytest.approx([5.0, 40.0])


def test_logits_are_tilted_by_each_candidates_cost_at_the_multipliers_prices() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 50.0))
    both.value.copy_(torch.tensor([0.3, 0.7]))
    logits = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).masked_fill(~EXISTS, -torch.inf)
    tilted = both.tilt(logits)
    assert torch.equal(torch.isfinite(tilted), EXISTS)
    assert float(tilted[1, 3]) == pytest.approx(float(logits[1, 3]) - 0.3 * 6.0 / 5.0 - 0.7 * 60.0 / 40.0, rel=1e-5)
    assert float(tilted[2, 2]) == pytest.approx(float(logits[2, 2]))


def test_a_multiplier_rises_above_the_target_falls_below_it_and_never_passes_nought() -> None:
    found = multipliers(Budget("macs", 5.0))
    found.ascend(EVEN)
    high = float(found.value)
    assert high > 0
    cheap = torch.tensor([[9.0, 0, 0, 0], [0, 0, 9.0, 0], [0, 0, 9.0, 0]]).masked_fill(~EXISTS, -torch.inf)
    found.ascend(cheap)
    assert 0 <= float(found.value) < high
    for _ in range(20):
        found.ascend(cheap)
    assert float(found.value) == 0.0
    assert torch.equal(found.tilt(cheap), cheap)


def test_a_budget_that_holds_already_changes_nothing() -> None:
    both = multipliers(Budget("macs", 5.0), Budget("params", 1000.0))
    both.ascend(EVEN)
    assert both.metrics == ["macs", "params"]
    assert both.value[0] > 0
    assert both.value[1] == 0
    roomy = multipliers(Budget("macs", 8.0))
    roomy.ascend(EVEN)
    assert torch.equal(roomy.tilt(EVEN), EVEN)


def test_of_all_distributions_that_hold_the_budget_the_tilted_one_is_nearest_to_the_logits_own() -> None:
    """It maximises Σ p·logits + entropy(p): no other one that costs as little reaches as much."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 4, generator=generator).masked_fill(~EXISTS, -torch.inf)
    found = multipliers(Budget("macs", 4.0))
    for _ in range(20):
        found.ascend(logits)
    best = torch.softmax(found.tilt(logits), 1)
    cost = float(found.cost(best))
    assert cost == pytest.approx(4.0, rel=0.01)

    def value(p: Tensor) -> float:
        return float(torch.where(p > 0, p * (logits.nan_to_num(neginf=0) - p.clamp_min(1e-30).log()), 0).sum())

    tried = 0
    for scale in (0.03, 0.3, 3.0):
        for noise in torch.randn(2000, 3, 4, generator=generator) * scale:
            other = torch.softmax(found.tilt(logits) + noise, 1)
            if float(found.cost(other)) <= cost:
                tried += 1
                assert value(other) <= value(best) + 1e-4
    assert tried > 500


@st.composite
def problems(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], CostModel, float, Tensor]:
    """Costs over orders of magnitude, a reachable limit, any logits."""
    choices = {f"c{i}": tuple(f"o{j}" for j in range(draw(st.integers(2, 6)))) for i in range(draw(st.integers(1, 6)))}
    cost = st.floats(-4, 1.5).map(lambda power: 10**power)
    model = CostModel("latency_ms", "sum", draw(st.floats(0, 1)),
                      {c: {o: draw(cost) for o in names} for c, names in choices.items()})
    low, high = model.reachable
    logits = torch.full((len(choices), 6), -torch.inf)
    for row, names in enumerate(choices.values()):
        logits[row, :len(names)] = torch.tensor([draw(st.floats(-3, 3)) for _ in names])
    return choices, model, low + draw(st.floats(0.1, 1)) * (high - low), logits[:, :max(map(len, choices.values()))]


@given(problems())
@settings(deadline=None, max_examples=25)
def test_the_expected_cost_comes_to_the_target_and_rests_there(
        problem: tuple[dict[str, tuple[str, ...]], CostModel, float, Tensor]) -> None:
    choices, model, limit, logits = problem
    found = Multipliers(choices, {"latency_ms": model}, [Budget("latency_ms", limit)])
    untilted = float(expected(found, logits)) / limit
    for _ in range(50):
        found.ascend(logits)
    if untilted > 1:
        assert float(expected(found, logits)) / limit == pytest.approx(1.0, abs=0.05)
    else:
        assert float(found.value) == 0.0


@pytest.mark.parametrize("dear", [0.5, 2.0, 5.0, 50.0])
def test_the_multiplier_does_not_swing_however_far_apart_the_costs_are(dear: float) -> None:
    model = CostModel("latency_ms", "sum", 0.1, {"a": {"x": 0.1, "y": dear}})
    limit = 0.2 + 0.2 * (dear - 0.1)
    found = Multipliers({"a": ("x", "y")}, {"latency_ms": model}, [Budget("latency_ms", limit)])
    costs = []
    for _ in range(40):
        found.ascend(torch.zeros(1, 2))
        costs.append(float(expected(found, torch.zeros(1, 2))) / limit)
    assert costs[-1] == pytest.approx(1.0, abs=0.01)
    assert costs == sorted(costs, reverse=True)


NAMES = ("cheap", "macs", "params", "both")
SCORE = torch.tensor([0.0, 1.0, 1.1, 2.0]) * torch.tensor([0.6, 0.8, 1.0, 1.2])[:, None]  # likes what is expensive


@pytest.mark.parametrize("shares", [(0.7, 0.7), (0.75, 0.55), (0.5, 0.8), (0.3, 0.3)])
def test_two_budgets_hold_at_once_while_the_logits_learn_to_like_what_is_expensive(
        shares: tuple[float, float]) -> None:
    choices = {f"c{i}": NAMES for i in range(4)}

    def model(metric: str, costs: tuple[float, ...]) -> CostModel:
        return CostModel(metric, "sum", 0.0, {c: dict(zip(NAMES, costs, strict=True)) for c in choices})

    models = {"macs": model("macs", (0.1, 1.0, 0.2, 1.0)), "params": model("params", (0.1, 0.2, 1.0, 1.0))}
    budgets = [Budget(m, share * models[m].reachable[1]) for m, share in zip(models, shares, strict=True)]
    found = Multipliers(choices, models, budgets)
    values = torch.zeros(4, 4, requires_grad=True)
    optimizer = torch.optim.Adam([values], 0.05)
    found.ascend(values.detach())
    for _ in range(150):
        optimizer.zero_grad()
        values.grad = torch.autograd.grad(-(torch.softmax(found.tilt(values), 1) * SCORE).sum(), values)[0]
        optimizer.step()
        found.ascend(values.detach())
        ratios = (expected(found, values.detach()) / torch.tensor([b.limit for b in budgets])).tolist()
        assert max(ratios) < 1.05
    for ratio, multiplier in zip(ratios, found.value.tolist(), strict=True):
        assert ratio > 0.95 if multiplier > 0 else ratio <= 1.0  # used fully, or of no account
    assert max(found.value.tolist()) > 0
    untilted = found.cost(torch.softmax(values.detach(), 1)) / torch.tensor([b.limit for b in budgets])
    assert float(untilted.max()) > 1.2  # the scores keep their liking


def test_without_a_summed_budget_nothing_is_tilted() -> None:
    none = multipliers(Budget("peak_memory_kib", 3.0))
    assert none.metrics == []
    none.ascend(EVEN)
    assert torch.equal(none.tilt(EVEN), EVEN)
    assert none.cost(torch.softmax(EVEN, 1)).shape == (0,)


def test_a_checkpoint_holds_the_multipliers() -> None:
    one, other = multipliers(Budget("macs", 5.0)), multipliers(Budget("macs", 5.0))
    one.ascend(EVEN)
    other.load_state_dict(one.state_dict())
    assert float(other.value) == float(one.value) > 0


def test_a_budget_of_a_maximum_removes_candidates_and_a_summed_one_none() -> None:
    assert torch.equal(allowed(CHOICES, MODELS, [Budget("macs", 0.1)]), EXISTS)
    mask = allowed(CHOICES, MODELS, [Budget("macs", 0.1), Budget("peak_memory_kib", 2.0)])
    assert mask.tolist() == [[True, True, False, False], [False, True, True, False], [True, False, True, False]]


def test_what_a_maximum_is_known_to_miss_counts() -> None:
    memory = MODELS["peak_memory_kib"]
    second = list(CHOICES)[1]
    added = replace(memory, added={second: dict.fromkeys(CHOICES[second], 1.0)})
    for models in ({"peak_memory_kib": replace(memory, bias=1.0)}, {"peak_memory_kib": added}):
        mask = allowed(CHOICES, models, [Budget("peak_memory_kib", 2.0)])
        assert mask[1].tolist() == allowed(CHOICES, MODELS, [Budget("peak_memory_kib", 1.0)])[1].tolist()


def test_budgets_of_one_metric_on_several_devices_hold_at_once_without_swinging() -> None:
    """Devices cost nearly alike, so that their multipliers pull the same way and any step too long would show."""
    names = ("latency_ms", "latency_ms@phone", "latency_ms@board")
    noise = torch.Generator().manual_seed(1)
    models = {name: CostModel(name, "sum", 1.0, {choice: {f"o{i}": scale * cost * (1 + 0.2 * float(torch.rand(
        (), generator=noise))) for i, cost in enumerate(costs)} for choice, costs in COSTS.items()})
        for name, scale in zip(names, (1.0, 10.0, 0.1), strict=True)}
    budgets = [Budget(name, sum(models[name].reachable) * share) for name, share in zip(names, (0.5, 0.35, 0.45),
                                                                                        strict=True)]
    found = Multipliers(CHOICES, models, budgets)
    above = []
    for _ in range(200):
        found.ascend(EVEN)
        above.append(float((expected(found, EVEN) / found.targets).max()))
    assert above[-1] == pytest.approx(1.0, abs=0.01)
    assert all(later <= earlier + 1e-4 for earlier, later in zip(above, above[1:], strict=False) if earlier > 1.0)
    assert int((found.value > 0).sum()) >= 1
    assert max(abs(a - b) for a, b in zip(above[-20:], above[-19:], strict=False)) < 1e-3
