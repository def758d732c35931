from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from edgenas.search.partial import partial_channels
from edgenas.search.probe import still
from edgenas.space import Choice, choices_of, load_space
from edgenas.space.choice import Route
from edgenas.space.operators import DilatedConv, MBConv, ReluConvBN, SeparableConv, Zero
from edgenas.train.fabric import recalibrate

from .toy import colours, fabric

X = torch.randn(6, 8, 8, 8, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=torch.channels_last)
MIX = torch.tensor([0.2, 0.5])  # their sum weighs what passes by


def mixed(first: nn.Module, second: nn.Module, weights: Tensor | None = MIX) -> Choice:
    choice = Choice({"first": first, "second": second})
    choice.route = Route((0, 1), weights) if weights is not None else Route((0,))
    return choice


def reference(x: Tensor, kept: Tensor, parts: int) -> Tensor:
    """Channel c of part p goes to place c · parts + p."""
    every = torch.cat([kept, x], 1)
    width = every.shape[1] // parts
    return torch.stack([every[:, part * width + channel] for channel in range(width) for part in range(parts)], 1)


def small(conv: nn.Conv2d, inputs: int, outputs: int) -> tuple[nn.Conv2d, Callable[[], Tensor]]:
    """A convolution of so many channels with the first of the weights, and their gradient in the shape of the whole."""
    depthwise = conv.groups > 1
    own = nn.Conv2d(inputs, outputs, conv.kernel_size, conv.stride, conv.padding, conv.dilation,
                    inputs if depthwise else 1, bias=False)
    own.weight.data.copy_(conv.weight[:outputs] if depthwise else conv.weight[:outputs, :inputs])

    def gradient() -> Tensor:
        assert own.weight.grad is not None
        whole = torch.zeros_like(conv.weight)
        whole[:outputs, :own.weight.shape[1]] = own.weight.grad
        return whole
    return own, gradient


@pytest.mark.parametrize("parts", [2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_values_and_gradients_are_those_of_a_small_network_written_by_hand(stride: int, parts: int) -> None:
    torch.manual_seed(0)
    plain, deep = nn.Conv2d(8, 8, 3, stride, 1, bias=False), nn.Conv2d(8, 8, 3, stride, 1, groups=8, bias=False)
    choice, width = mixed(plain, deep), 8 // parts
    weights = MIX.clone().requires_grad_()
    choice.route = Route((0, 1), weights)
    with partial_channels(choice, parts):
        found = choice(X)
    found.square().sum().backward()

    (one, one_gradient), (two, two_gradient) = small(plain, width, width), small(deep, width, width)
    own = MIX.clone().requires_grad_()
    kept = own[0] * one(X[:, :width]) + own[1] * two(X[:, :width])
    passing = X[:, width:] if stride == 1 else functional.max_pool2d(X[:, width:], 2, 2)
    expected = reference(own.sum() * passing, kept, parts)
    expected.square().sum().backward()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(weights.grad, own.grad)
    torch.testing.assert_close(plain.weight.grad, one_gradient())
    torch.testing.assert_close(deep.weight.grad, two_gradient())
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("training", [True, False])
def test_batch_norms_use_and_learn_the_statistics_of_the_computed_channels_alone(training: bool) -> None:
    norm, zero = nn.BatchNorm2d(8), Zero()
    norm.running_mean.copy_(torch.arange(8.0)), norm.running_var.fill_(2.0)  # type: ignore[union-attr]
    choice = mixed(norm, zero, torch.tensor([1.0, 0.0])).train(training)
    with partial_channels(choice, 4):
        found = choice(X + 5)
    own = nn.BatchNorm2d(2).train(training)
    own.running_mean.copy_(torch.arange(2.0)), own.running_var.fill_(2.0)  # type: ignore[union-attr]
    torch.testing.assert_close(found, reference((X + 5)[:, 2:], own(X[:, :2] + 5), 4))
    for name, value in own.state_dict().items():
        whole = norm.state_dict()[name]
        torch.testing.assert_close(whole[:2] if whole.ndim else whole, value)
    assert norm.running_mean is not None
    assert norm.running_mean[2:].tolist() == [2, 3, 4, 5, 6, 7]
    assert int(norm.num_batches_tracked or 0) == int(training)


def test_statistics_can_be_left_alone_and_averaged_as_those_of_whole_norms() -> None:
    choice = mixed(nn.BatchNorm2d(8), nn.Identity(), None)
    network = nn.Sequential(nn.Conv2d(3, 8, 1), choice)
    norm = choice.candidates["first"]
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    with partial_channels(network, 4):
        with still(network):
            network(torch.randn(4, 3, 8, 8))
        assert all(torch.equal(norm.state_dict()[name], value) for name, value in before.items())
        task = colours(60)
        recalibrate(network, task.train, task, fabric())
    with torch.no_grad():
        features = network[0](task.normalise(task.train.images))[:, :2]
    torch.testing.assert_close(norm.state_dict()["running_mean"][:2], features.mean((0, 2, 3)))
    assert torch.equal(norm.state_dict()["running_mean"][2:], before["running_mean"][2:])


@pytest.mark.parametrize(("operator", "cost"), [
    (lambda: ReluConvBN(16, 16, 3), 1 / 16), (lambda: MBConv(16, 16, 5, 3, squeeze_excite=True), None),
    (lambda: MBConv(16, 16, 3, 6), None), (lambda: SeparableConv(16, 5, 2), None), (lambda: DilatedConv(16, 3), None)])
@pytest.mark.parametrize("route", ["mixed", "one"])
def test_every_operator_of_our_spaces_costs_a_part(operator: Callable[[], nn.Module], cost: float | None,
                                                   route: str) -> None:
    """Pointwise and full convolutions at most a K²-th, depthwise ones a K-th; nothing is computed and thrown away."""
    torch.manual_seed(0)
    one = operator()
    choice = mixed(one, nn.MaxPool2d(3, getattr(one, "stride", 1), 1), torch.tensor([1.0, 0.0]))
    choice.route = Route((0,), choice.route.weights if route == "mixed" else None)
    x = torch.randn(2, 16, 8, 8)

    def work() -> tuple[int, tuple[int, ...]]:
        with FlopCounterMode(display=False) as counter:
            shape = choice(x).shape
        return counter.get_total_flops(), shape

    whole, shape = work()
    with partial_channels(choice, 4):
        work()  # the first time, shapes are traced
        part, partial_shape = work()
    assert partial_shape == shape
    assert part <= whole / 4
    assert part == whole * cost if cost else part > whole / 17


def kept_bytes(network: nn.Module, x: Tensor) -> int:
    """What a forward pass keeps for the backward pass, weights aside."""
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        network(x)
    parameters = {p.untyped_storage().data_ptr() for p in network.parameters()}
    return sum(size for pointer, size in seen.items() if pointer not in parameters)


def routed(network: nn.Module) -> nn.Module:
    for choice in choices_of(network).values():
        choice.route = Route(tuple(range(len(choice.names))), torch.full((len(choice.names),), 1 / len(choice.names)))
    return network


def test_a_supernet_of_cells_takes_a_quarter_of_the_work_and_well_under_half_of_the_memory() -> None:
    network = routed(load_space("cell", (3, 16, 16), 4, {"cells": "3", "nodes": "3", "channels": "16"}).supernet())
    x = torch.randn(4, 3, 16, 16)
    figures = []
    for share in (1, 4):
        with partial_channels(network, share):
            network(x)
            with FlopCounterMode(display=False) as counter:
                memory = kept_bytes(network, x)
        figures.append((counter.get_total_flops(), memory))
    (work, memory), (partial_work, partial_memory) = figures
    assert partial_work < work / 4  # the cells' inputs and the stem remain whole
    assert partial_memory < 0.4 * memory


def other(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


class Scale(nn.Module):
    """Holds a weight that is of no layer that can be cut."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((8, 1, 1), 3.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x


@pytest.mark.parametrize("choice", [
    mixed(nn.Conv2d(8, 12, 1), nn.Conv2d(8, 12, 3, padding=1)),  # changes the channels
    mixed(Scale(), nn.Identity()), mixed(nn.Conv2d(8, 8, 1, groups=2), nn.Identity())])
def test_what_cannot_be_split_is_computed_in_full(choice: Choice) -> None:
    with partial_channels(choice, 4):
        found = choice(X)
    torch.testing.assert_close(found, choice(X))


@pytest.mark.parametrize(("channels", "share", "parts"), [(6, 4, 3), (5, 4, 1), (2, 4, 2), (1, 4, 1), (8, 1, 1)])
def test_the_share_is_the_largest_that_divides_the_channels(channels: int, share: int, parts: int) -> None:
    seen: list[Any] = []
    skip = nn.Identity()
    skip.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0].shape[1]))
    choice = mixed(skip, nn.MaxPool2d(3, 1, 1))
    x = torch.randn(2, channels, 4, 4)
    with partial_channels(choice, share):
        choice(x)
        seen.clear()
        found = choice(x)
    assert seen == [channels // parts]
    assert found.shape == x.shape


def test_nothing_of_it_remains_not_even_after_an_error() -> None:
    choice = mixed(ReluConvBN(8, 8, 3), nn.Identity())
    plain = choice(X)
    with pytest.raises(KeyError), partial_channels(choice, 4):
        choice(X)
        raise KeyError
    assert all("forward" not in module.__dict__ for module in choice.modules())
    torch.testing.assert_close(choice(X), plain)
