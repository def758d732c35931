from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from edgenas.search import probe
from edgenas.search.bilevel import amended_gradient, first_order, next_step, second_order, unrolled_gradient
from edgenas.search.penalty import ProxylessSum
from edgenas.search.probe import Probe, still
from edgenas.search.relaxation import Softmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import architecture_step, weight_step
from edgenas.space import choices_of

from .toy import batch, calls, colours, copied, named, stack_space, state_of, table

TASK = colours()
TRAIN = batch(TASK)
HELD = TASK.normalise(TASK.train.images[16:40]), TASK.train.labels[16:40]
VALUES = torch.tensor([[0.3, -0.4, 0.1, 0.0], [0.5, 0.0, -0.2, 0.3], [0.0, 0.2, -0.6, 0.0]])


def double(data: Batch) -> Batch:
    return data[0].double(), data[1]


def state(*, precise: bool = False, trained: int = 2, lr: float = 0.05, limit: float = 5.0) -> SearchState:
    """With momentum in the weights' optimiser. precise: in float64, so that finite differences are good."""
    ours = state_of(stack_space(), [table()], [limit], lr=lr)
    with torch.no_grad():
        ours.parameters.values.copy_(VALUES)
    ours.multipliers.ascend(ours.parameters.logits)
    for _ in range(trained):
        weight_step(ours, Softmax(), TRAIN)
    if precise:
        ours.network.double()
        ours.parameters.double()
        for parameter, kept in ours.weight_optimizer.state.items():
            kept["momentum_buffer"] = kept["momentum_buffer"].to(parameter.dtype)
    return ours


def loss_of(ours: SearchState, weights: dict[str, Tensor], values: Tensor, data: Batch) -> Tensor:
    """Written out: the cross-entropy at these weights and this architecture, batch norms by the batch."""
    mixture = torch.softmax(ours.multipliers.tilt(values.masked_fill(~ours.parameters.mask, -torch.inf)), 1)
    for choice, row in zip(choices_of(ours.network).values(), mixture, strict=True):
        choice.route = type(choice.route)(tuple(range(len(choice.names))), row)
    with still(ours.network):
        return functional.cross_entropy(functional_call(ours.network, weights, (data[0],)), data[1])


def stepped(ours: SearchState, weights: dict[str, Tensor], values: Tensor) -> dict[str, Tensor]:
    """SGD's step with Nesterov momentum and weight decay from its definition, differentiable in the architecture."""
    leaves = {name: w.detach().requires_grad_() for name, w in weights.items()}
    loss = loss_of(ours, leaves, values, double(TRAIN))
    gradients = torch.autograd.grad(loss, [*leaves.values()], create_graph=True)
    after = {}
    for (name, parameter), gradient in zip(ours.network.named_parameters(), gradients, strict=True):
        (group,) = [g for g in ours.weight_optimizer.param_groups if any(p is parameter for p in g["params"])]
        gradient = gradient + group["weight_decay"] * weights[name]
        buffer = group["momentum"] * ours.weight_optimizer.state[parameter]["momentum_buffer"] + gradient
        after[name] = weights[name] - group["lr"] * (gradient + group["momentum"] * buffer)
    return after


@pytest.mark.parametrize(("step", "error"), [(probe.STEP, 0.3), (1e-5, 1e-3)])  # the network's ReLU has kinks
def test_the_unrolled_gradient_is_the_exact_one_and_that_the_slope_of_the_unrolled_loss(
        monkeypatch: pytest.MonkeyPatch, step: float, error: float) -> None:
    monkeypatch.setattr(probe, "STEP", step)
    ours = state(precise=True)
    weights = {name: p.detach().clone() for name, p in ours.network.named_parameters()}
    values = VALUES.double().requires_grad_()

    def unrolled(at: Tensor) -> Tensor:
        return loss_of(ours, stepped(ours, weights, at), at, double(HELD))

    (exact,) = torch.autograd.grad(unrolled(values), values)
    found = unrolled_gradient(ours, double(TRAIN), double(HELD))
    after = {name: w.detach() for name, w in stepped(ours, weights, values).items()}
    second = exact - torch.autograd.grad(loss_of(ours, after, values, double(HELD)), values)[0]
    assert float(second.norm()) > 0
    assert float((found - exact).norm()) < error * float(second.norm())
    for place in [(0, 0), (1, 3), (2, 1)]:
        by = torch.zeros(3, 4, dtype=torch.float64)
        by[place] = 1e-5
        slope = (unrolled(values.detach() + by) - unrolled(values.detach() - by)) / 2e-5
        assert float(slope.detach()) == pytest.approx(float(exact[place]), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("trained", [0, 3])
@pytest.mark.parametrize("scale", [1.0, 300.0])  # with the latter the gradient is clipped
def test_the_look_ahead_is_the_step_that_the_optimiser_makes(trained: int, scale: float) -> None:
    ours = state(trained=trained)
    with torch.no_grad():
        named(ours)["head.weight"].mul_(scale)
    seen = Probe(ours, Softmax())
    expected, _ = next_step(ours, seen.weights, seen.by_weights(seen.weights, TRAIN))
    before = copied(ours)
    weight_step(ours, Softmax(), TRAIN)
    for name, after in named(ours).items():
        torch.testing.assert_close(expected[name], after.detach(), rtol=1e-4, atol=1e-6)
        assert name.endswith("bias") or not torch.equal(after, before[name])


def test_looking_ahead_leaves_weights_and_batch_statistics_bit_for_bit() -> None:
    ours = state()
    before = {name: value.clone() for name, value in ours.network.state_dict().items()}
    assert "norm.running_mean" in before
    for coefficient in (None, 0.1):
        if coefficient is None:
            unrolled_gradient(ours, TRAIN, HELD)
        else:
            amended_gradient(ours, TRAIN, HELD, coefficient)
        assert all(torch.equal(value, before[name]) for name, value in ours.network.state_dict().items())
    assert all(p.requires_grad for p in ours.network.parameters())
    assert cast(nn.BatchNorm2d, ours.network.norm).track_running_stats


@pytest.mark.parametrize("failing", [False, True])
def test_batch_norms_are_still_only_inside(failing: bool) -> None:
    norm = nn.BatchNorm2d(2)
    x = torch.randn(8, 2, 3, 3) + 5
    with suppress(KeyError), still(norm):
        torch.testing.assert_close(norm(x).mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
        if failing:
            raise KeyError
    before = cast(Tensor, norm.running_mean).clone()
    assert torch.equal(before, torch.zeros(2))
    norm(x)
    assert not torch.equal(cast(Tensor, norm.running_mean), before)


def test_the_amended_gradient_is_the_papers_on_a_quadratic_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """L_train = ½ wᵀAw + wᵀBα, L_held = cᵀw + dᵀα: ∇α L_held = d, ∇w L_held = c, ∇²αw = Bᵀ, H = A."""
    generator = torch.Generator().manual_seed(0)
    a, b, c, d, w, alpha = (torch.randn(shape, generator=generator, dtype=torch.float64)
                            for shape in ((5, 5), (5, 12), (5,), (12,), (5,), (12,)))
    a = a @ a.T
    ours = state(precise=True)
    ours.parameters.values.data.copy_(alpha.view(3, 4))

    def loss(self: Probe, weights: dict[str, Tensor], data: Any, *, priced: bool = False) -> Tensor:
        at, values = weights["w"], ours.parameters.values.flatten()
        return 0.5 * at @ a @ at + at @ b @ values if data == "train" else c @ at + d @ values

    monkeypatch.setattr(Probe, "loss", loss)
    monkeypatch.setattr(Probe, "weights", {"w": w})
    expected = d - 0.1 * b.T @ a @ c
    found = amended_gradient(ours, "train", "held", 0.1)  # type: ignore[arg-type]
    torch.testing.assert_close(found.flatten(), expected, rtol=1e-6, atol=1e-9)


def test_the_amended_gradient_of_a_supernet_is_that_of_its_second_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "STEP", 1e-5)
    ours = state(precise=True)
    weights = {name: p.detach().clone().requires_grad_() for name, p in ours.network.named_parameters()}
    values = VALUES.double().requires_grad_()
    held = loss_of(ours, weights, values, double(HELD))
    by_alpha, *v = torch.autograd.grad(held, [values, *weights.values()])
    train = loss_of(ours, weights, values, double(TRAIN))
    slopes = torch.autograd.grad(train, [*weights.values()], create_graph=True)
    curved = torch.autograd.grad(slopes, [*weights.values()], v, retain_graph=True, materialize_grads=True)
    (mixed,) = torch.autograd.grad(slopes, values, curved)
    found = amended_gradient(ours, double(TRAIN), double(HELD), 0.1) - by_alpha
    assert float((found + 0.1 * mixed).norm()) < 1e-3 * float(found.norm())


def test_the_first_order_learns_both_in_turn_and_computes_all_candidates() -> None:
    ours, same = state(), state()
    log = first_order(ours, TRAIN, HELD)
    assert calls(ours) == [[4] * 3, [4] * 4, [4] * 3]
    architecture_step(same, Softmax(), HELD)
    assert log == weight_step(same, Softmax(), TRAIN)
    assert torch.equal(ours.parameters.values, same.parameters.values)
    assert all(torch.equal(p, named(same)[name]) for name, p in named(ours).items())


def test_a_second_order_step_moves_the_architecture_along_its_gradient_and_then_the_weights() -> None:
    ours, same = state(), state()
    gradient = unrolled_gradient(same, TRAIN, HELD)
    before, multiplier = ours.parameters.values.detach().clone(), ours.multipliers.value.clone()
    second_order(ours, TRAIN, HELD)
    assert ours.parameters.values.grad is not None
    torch.testing.assert_close(ours.parameters.values.grad, gradient)
    assert torch.equal((ours.parameters.values.detach() - before).sign()[1], -gradient.sign()[1])
    assert not torch.equal(ours.multipliers.value, multiplier)
    assert all(not torch.equal(p, named(same)[name]) for name, p in named(ours).items() if name.endswith("weight"))


def test_a_direction_of_length_nought_has_no_derivative_along_it() -> None:
    seen = Probe(state(), Softmax())
    nothing = {name: torch.zeros_like(w) for name, w in seen.weights.items()}
    assert torch.equal(seen.mixed(seen.weights, TRAIN, nothing), torch.zeros(3, 4))
    assert seen.curvature(seen.weights, TRAIN, nothing) is nothing


def test_the_cost_is_paid_once_in_the_unrolled_gradient() -> None:
    plain, priced = state(trained=1), state(trained=1)
    priced.penalty = ProxylessSum(weight=100.0)
    (expected,) = torch.autograd.grad(100 * priced.multipliers.cost(priced.probabilities)[0] / 5.0,
                                      priced.parameters.values)
    added = unrolled_gradient(priced, TRAIN, HELD) - unrolled_gradient(plain, TRAIN, HELD)
    torch.testing.assert_close(added, expected, rtol=1e-3, atol=1e-3)
