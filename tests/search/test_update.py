from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from edgenas.errors import UsageError
from edgenas.search.multiplier import Ascent
from edgenas.search.relaxation import BinaryGates, GumbelSoftmax, SinglePath
from edgenas.search.state import SearchState
from edgenas.search.update import architecture_step, single_level, weight_step

from .toy import batch, calls, colours, copied, named, stack_space, state_of, table

TASK = colours()
LIMIT = 5.0
TABLE = torch.tensor([[1.0, 2.0, 4.0, 0.0], [3.0, 1.0, 0.5, 6.0], [2.0, 2.5, 0.0, 0.0]])
START = torch.tensor([[0.3, -0.4, 0.1, 0.0], [0.5, 0.0, -0.2, 0.3], [0.0, 0.2, -0.6, 0.0]])


def state(seed: int = 0, *, same: bool = False, momentum: float = 0.5, ascent: Ascent | None = None) -> SearchState:
    found = state_of(stack_space(same=same), [table()], [LIMIT], seed=seed, momentum=momentum, ascent=ascent)
    with torch.no_grad():
        found.parameters.values.copy_(START)
    found.multipliers.value.fill_(0.4)
    return found


def masked() -> Tensor:
    mask = torch.tensor([[True] * 3 + [False], [True] * 4, [True] * 3 + [False]])
    return START.masked_fill(~mask, -torch.inf)


def slope(probabilities: Tensor, damping: float = 1.0) -> Tensor:
    """The penalty's derivative by each path weight."""
    violation = float(1.0 + (TABLE * probabilities).sum()) / LIMIT - 1
    return (0.4 + damping * max(0.0, violation)) / LIMIT * TABLE


def changed(before: dict[str, Tensor], after: SearchState) -> list[str]:
    return [name for name, p in named(after).items() if not torch.equal(p, before[name])]


def test_a_single_level_step_learns_weights_and_architecture_from_one_backward_pass(
        monkeypatch: pytest.MonkeyPatch) -> None:
    ours, passes = state(), []
    backward = ours.fabric.backward

    def counting(loss: Tensor, *args: Any, **options: Any) -> None:
        passes.append(loss)
        backward(loss, *args, **options)

    monkeypatch.setattr(ours.fabric, "backward", counting)
    before = copied(ours)
    log = single_level(ours, GumbelSoftmax(1.0), batch(TASK))
    assert len(passes) == 1
    assert calls(ours) == [[1, 1, 1], [1, 1, 1, 1], [1, 1, 1]]
    moved = changed(before, ours)
    assert {"stem.weight", "one.candidates.o0.conv.weight", "three.candidates.o2.conv.weight", "head.bias"} <= set(moved)
    assert not torch.equal(ours.parameters.values, START)
    assert set(log) == {"loss", "accuracy"}
    assert 0 < log["loss"] < 5
    assert 0 <= log["accuracy"] <= 1


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_costs_part_of_the_single_level_gradient_is_the_analytic_one(temperature: float) -> None:
    """All candidates of a choice compute the same, so that the loss says nothing about the architecture."""
    ours = state(same=True)
    noise = torch.Generator().manual_seed(0)
    weights = GumbelSoftmax(temperature).sample(masked(), noise).weights
    single_level(ours, GumbelSoftmax(temperature), batch(TASK))
    by_weight = slope(weights)
    expected = weights * (by_weight - (weights * by_weight).sum(1, keepdim=True)) / temperature
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, expected, atol=1e-6, rtol=1e-4)


def test_what_makes_the_loss_smaller_becomes_likelier() -> None:
    ours = state(ascent=Ascent(rate=0.001, damping=0.0))
    ours.multipliers.value.zero_()
    with torch.no_grad():
        for name, p in named(ours).items():
            if ".o2." in name or ".o3." in name:
                p.fill_(30.0)  # logits far off, whatever the class
    before = ours.parameters.probabilities.detach().clone()
    for _ in range(10):
        single_level(ours, GumbelSoftmax(1.0), batch(TASK))
    after = ours.parameters.probabilities.detach()
    assert (after[:, 2] < before[:, 2]).all()


def test_a_weight_step_computes_one_path_and_leaves_the_architecture_alone() -> None:
    ours = state()
    before, multiplier = copied(ours), ours.multipliers.value.clone()
    weight_step(ours, SinglePath(), batch(TASK))
    assert [sum(choice) for choice in calls(ours)] == [1, 1, 1]
    assert torch.equal(ours.parameters.values, START)
    assert ours.parameters.values.grad is None
    assert torch.equal(ours.multipliers.value, multiplier)
    places = ("one", "two", "three")
    computed = {f"{place}.candidates.o{counts.index(1)}." for place, counts in zip(places, calls(ours), strict=True)}
    touched = [name for name in changed(before, ours) if "candidates" in name]
    assert {name[:name.index("conv")] for name in touched} == computed
    assert "stem.weight" in changed(before, ours)


@pytest.mark.parametrize("seed", range(5))
def test_an_architecture_step_computes_two_paths_and_leaves_the_weights_alone(seed: int) -> None:
    ours = state(seed, momentum=0.0)
    before = copied(ours)
    architecture_step(ours, BinaryGates(), batch(TASK))
    assert [sorted(choice)[-3:] for choice in calls(ours)] == [[0, 1, 1]] * 3
    assert changed(before, ours) == []
    assert all(p.requires_grad for p in ours.supernet.parameters())
    assert all(p.grad is None for p in ours.supernet.parameters())
    assert float(ours.multipliers.value) != pytest.approx(0.4, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_an_architecture_step_keeps_the_probabilities_of_what_was_not_sampled(seed: int) -> None:
    ours = state(seed, momentum=0.0)
    for _ in range(4):  # also when the optimiser remembers earlier steps
        before, counted = ours.parameters.probabilities.detach().clone(), calls(ours)
        architecture_step(ours, BinaryGates(), batch(TASK))
        after = ours.parameters.probabilities.detach()
        for row, (now, then) in enumerate(zip(calls(ours), counted, strict=True)):
            sampled = [i for i in range(len(now)) if now[i] > then[i]]
            others = [i for i in range(len(now)) if now[i] == then[i]]
            torch.testing.assert_close(after[row, others], before[row, others], atol=1e-6, rtol=0)
            torch.testing.assert_close(after[row, sampled].sum(), before[row, sampled].sum(), atol=1e-6, rtol=0)
        assert (after - before).abs().max() > 1e-4


def test_the_costs_part_of_the_architecture_steps_gradient_is_the_analytic_one() -> None:
    """On the expected cost, for the sampled candidates only; all candidates of a choice compute the same."""
    ours = state(same=True, momentum=0.0)
    active = BinaryGates().sample(masked(), torch.Generator().manual_seed(0)).active
    architecture_step(ours, BinaryGates(), batch(TASK))
    p = torch.softmax(masked(), 1)
    by_weight = slope(p)
    expected = torch.zeros(3, 4).scatter(1, active, 1.0) * p * (by_weight - (p * by_weight).sum(1, keepdim=True))
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, expected, atol=1e-6, rtol=1e-4)


def test_a_failing_architecture_step_leaves_the_weights_learnable(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = state()

    def broken(data: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ours, "loss", broken)
    with pytest.raises(KeyboardInterrupt):
        architecture_step(ours, BinaryGates(), batch(TASK))
    assert all(p.requires_grad for p in ours.supernet.parameters())


@pytest.mark.parametrize("step", [single_level, weight_step])
def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_change(step: Any) -> None:
    ours = state()
    images, labels = batch(TASK)
    with pytest.raises(UsageError, match="training diverged: the loss is nan") as caught:
        step(ours, GumbelSoftmax(1.0), (images * float("inf"), labels))
    assert "--set search.lr=" in caught.value.hint


def test_large_gradients_are_clipped(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = state()
    norms: list[float] = []

    def spied(*args: Any, **options: Any) -> Any:
        norms.append(float(torch.cat([p.grad.flatten() for p in ours.supernet.parameters()
                                      if p.grad is not None]).norm()))

    monkeypatch.setattr(ours.weight_optimizer, "step", spied)
    with torch.no_grad():
        named(ours)["head.weight"].mul_(1e4)
    single_level(ours, GumbelSoftmax(1.0), batch(TASK))
    assert norms == [pytest.approx(5.0, rel=1e-3)]
