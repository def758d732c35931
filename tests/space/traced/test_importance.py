import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgenas.space.elastic import ABSENT
from edgenas.space.traced.apart import take_apart
from edgenas.space.traced.importance import Importance, importance_of, ranked

from ..test_elastic import apart, images
from ..user_networks import made


def gates(network: nn.Module, x: torch.Tensor, layer: str, channel: int) -> torch.Tensor:
    """∂L/∂gate of one channel of what a layer reads, image by image, of the labels that importance_of draws."""
    found = []
    gate = torch.ones((), requires_grad=True)

    def multiply(_: nn.Module, given: tuple[torch.Tensor]) -> torch.Tensor:
        mask = torch.ones(given[0].shape[1])
        mask = mask + (gate - 1) * F.one_hot(torch.tensor(channel), len(mask))
        return given[0] * mask.view(1, -1, *[1] * (given[0].ndim - 2))

    hook = network.get_submodule(layer).register_forward_pre_hook(multiply)
    labels = torch.multinomial(network(x).detach().softmax(1), 1, generator=torch.Generator().manual_seed(0))[:, 0]
    for image, label in zip(x, labels, strict=True):
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(image[None]), label[None]), gate)
        found.append(gradient)
    hook.remove()
    return torch.stack(found)


def test_the_rise_is_half_the_square_of_the_gates_gradient() -> None:
    network, elastic, x = made("resnet"), apart("resnet"), images(6, seed=3)
    found = importance_of(elastic, x)
    (group,) = elastic.blocks[0].segment.groups
    expected = gates(network, x, "features.1.conv2", 3).square().mean() / 2
    assert float(found.channels[group][3]) == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize("name", ["mobilenet", "efficientnet", "vgg", "dense", "convnext", "twice", "plain"])
def test_a_channel_that_nothing_reads_is_worth_nothing_and_others_are_worth_something(name: str) -> None:
    elastic = apart(name)
    block = elastic.blocks[-1]
    group = block.segment.groups[0]
    reader = next(layer for layer in elastic.groups.layers.items() if layer[1].kind in ("conv", "linear")
                  and any(span.group == group for span in layer[1].reads))
    with torch.no_grad():
        for path, layer in elastic.groups.layers.items():
            if layer.kind in ("conv", "linear") and any(span.group == group for span in layer.reads):
                offset = 0
                for span in layer.reads:
                    if span.group == group:
                        elastic.traced.modules[path].weight[:, offset:offset + span.repeat] = 0.0  # type: ignore[index,operator]
                    offset += span.count * span.repeat
    value = importance_of(elastic, images(8, seed=2)).channels[group]
    assert reader and float(value[0]) == 0.0 and float(value[1:].max()) > 0.0


def test_rises_grow_as_more_is_cut_and_the_given_network_loses_nothing() -> None:
    elastic = apart("mobilenet")
    ordered = ranked(elastic, importance_of(elastic, images(8, seed=2)))
    for block in ordered.blocks:
        rises = [ordered.rises[block.name][name] for name in block.sizes]
        assert rises[0] == 0.0 and rises == sorted(rises)
        assert (ABSENT in ordered.rises[block.name]) == (block.absent is not None)


def test_weights_and_their_gradients_are_left_as_they_were() -> None:
    network = made("resnet")
    elastic = take_apart(network, images(), "n")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    importance_of(elastic, images(4))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in elastic.traced.modules[""].parameters())


def test_it_can_be_kept_in_a_file_and_read_again() -> None:
    found = importance_of(apart("resnet"), images(4))
    again = Importance.of_tensors(found.tensors())
    assert again.blocks == found.blocks
    assert all(torch.equal(again.channels[group], value) for group, value in found.channels.items())
