from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from edgenas.errors import Diverged
from edgenas.search.relaxation import BinaryGates, GumbelSoftmax, Relaxation, SinglePath
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import architecture_step, single_level, weight_step

from .toy import batch, calls, colours, copied, named, stack_space, state_of, table

TASK = colours()
START = torch.tensor([[0.3, -0.4, 0.1, 0.0], [0.5, 0.0, -0.2, 0.3], [0.0, 0.2, -0.6, 0.0]])


def state(seed: int = 0, *, same: bool = False, momentum: float = 0.5, limit: float = 5.0) -> SearchState:
    found = state_of(stack_space(same=same), [table()], [limit], seed=seed, momentum=momentum)
    with torch.no_grad():
        found.parameters.values.copy_(START)
    found.multipliers.ascend(found.parameters.logits)
    return found


def changed(before: dict[str, Tensor], after: SearchState) -> list[str]:
    return [name for name, p in named(after).items() if not torch.equal(p, before[name])]


def by_logits(ours: SearchState, relaxation: Relaxation, data: Batch) -> Tensor:
    """The loss's gradient by the architecture, from a forward pass of its own along the same sample."""
    before, counted = ours.generator.get_state(), calls(ours)
    paths = ours.route(relaxation)
    (gradient,) = torch.autograd.grad(ours.loss(data)[0], ours.parameters.values)
    ours.generator.set_state(before)
    assert paths.weights.requires_grad
    assert calls(ours) != counted
    return gradient


def test_a_single_level_step_learns_weights_and_architecture_from_one_backward_pass(
        monkeypatch: pytest.MonkeyPatch) -> None:
    ours = state()
    passes: list[Tensor] = []
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
    assert {"stem.weight", "one.candidates.o0.conv.weight", "three.candidates.o2.conv.weight", "head.bias"} <= {*moved}
    assert not torch.equal(ours.parameters.values, START)
    assert set(log) == {"loss", "accuracy"}
    assert log["loss"] == pytest.approx(passes[0].item())
    assert 0 <= log["accuracy"] <= 1


def test_the_single_level_gradient_is_the_losss_alone_through_the_tilted_sample() -> None:
    ours = state()
    ours.supernet.eval()  # batch norms as they are, so that a second pass computes the same
    expected = by_logits(ours, GumbelSoftmax(0.7), batch(TASK))
    single_level(ours, GumbelSoftmax(0.7), batch(TASK))
    assert expected.abs().max() > 1e-4
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, expected)


def test_the_cost_has_no_gradient_of_its_own() -> None:
    """All candidates of a choice compute the same, so the loss says nothing about the architecture."""
    ours = state(same=True, limit=3.0)
    assert float(ours.multipliers.value) > 1
    single_level(ours, GumbelSoftmax(0.5), batch(TASK))
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, torch.zeros(3, 4), atol=1e-6, rtol=0)


def test_what_makes_the_loss_smaller_becomes_likelier() -> None:
    ours = state(limit=50.0)
    with torch.no_grad():
        for name, p in named(ours).items():
            if ".o2." in name or ".o3." in name:
                p.fill_(30.0)  # logits far off, whatever the class
    before = ours.probabilities.detach().clone()
    for _ in range(10):
        single_level(ours, GumbelSoftmax(1.0), batch(TASK))
    assert (ours.probabilities[:, 2] < before[:, 2]).all()


@pytest.mark.parametrize("step", [single_level, architecture_step])
def test_the_expected_cost_holds_the_budget_after_every_step(step: Any) -> None:
    ours = state(momentum=0.0, limit=4.0)
    values = []
    for _ in range(10):
        step(ours, GumbelSoftmax(1.0) if step is single_level else BinaryGates(), batch(TASK))
        assert float(ours.multipliers.cost(ours.probabilities.detach())) == pytest.approx(4.0, rel=0.02)
        values.append(float(ours.multipliers.value))
    assert len(set(values)) == 10


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


def test_a_weight_step_along_weighted_paths_gives_the_architecture_no_gradient() -> None:
    ours = state()
    weight_step(ours, GumbelSoftmax(1.0), batch(TASK))
    assert ours.parameters.values.grad is None
    assert all(p.grad is not None for p in ours.supernet.parameters())


@pytest.mark.parametrize("seed", range(5))
def test_an_architecture_step_computes_two_paths_and_leaves_the_weights_alone(seed: int) -> None:
    ours = state(seed, momentum=0.0)
    before = copied(ours)
    architecture_step(ours, BinaryGates(), batch(TASK))
    assert [sorted(choice)[-3:] for choice in calls(ours)] == [[0, 1, 1]] * 3
    assert changed(before, ours) == []
    assert all(p.requires_grad for p in ours.supernet.parameters())
    assert all(p.grad is None for p in ours.supernet.parameters())


@pytest.mark.parametrize("seed", range(5))
def test_an_architecture_step_keeps_the_probabilities_of_what_was_not_sampled(
        seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = state(seed, momentum=0.0)
    assert float(ours.multipliers.value) > 0
    monkeypatch.setattr(ours.multipliers, "ascend", lambda logits: None)  # it tilts them all
    for _ in range(4):  # also when the optimiser remembers earlier steps
        values, counted = ours.parameters.values.detach().clone(), calls(ours)
        before = ours.probabilities.detach().clone()
        architecture_step(ours, BinaryGates(), batch(TASK))
        after = ours.probabilities.detach()
        for row, (now, then) in enumerate(zip(calls(ours), counted, strict=True)):
            sampled = [i for i in range(len(now)) if now[i] > then[i]]
            others = [i for i in range(len(now)) if now[i] == then[i]]
            torch.testing.assert_close(after[row, others], before[row, others], atol=1e-6, rtol=0)
            assert torch.equal(ours.parameters.values[row, others], values[row, others])
            assert (after[row, sampled] - before[row, sampled]).abs().min() > 1e-5


@pytest.mark.parametrize("seed", range(3))
def test_the_architecture_steps_gradient_is_the_losss_by_the_two_gates(seed: int) -> None:
    ours = state(seed, momentum=0.0)
    ours.supernet.eval()
    expected = by_logits(ours, BinaryGates(), batch(TASK))
    architecture_step(ours, BinaryGates(), batch(TASK))
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, expected)
    assert (expected != 0).sum(1).tolist() == [2, 2, 2]


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
    with pytest.raises(Diverged, match="training diverged: the loss is nan") as caught:
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
