"""Blocks that round as their files in int8 do."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from edgenas.export.quantise.quantised import trainable
from edgenas.space.int8 import Int8, rounded, rounded_by_channel
from edgenas.space.operators import MBConv, SeparableConv

IMAGES = torch.randn(16, 8, 10, 10, generator=torch.Generator().manual_seed(1))
BLOCKS = {"mbconv": lambda: MBConv(8, 8, 3, 3), "squeeze": lambda: MBConv(8, 8, 5, 3, squeeze_excite=True),
          "hardswish": lambda: MBConv(8, 12, 3, 3, stride=2, activation="hardswish"),
          "separable": lambda: SeparableConv(8, 3)}


def twin(name: str) -> Int8:
    torch.manual_seed(0)
    found = Int8(BLOCKS[name]())
    for module in found.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    found.simulated = True
    return found.eval()


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("name", BLOCKS)
@torch.no_grad()
def test_a_simulated_block_is_as_far_from_float32_as_its_file(name: str):
    block = twin(name)
    exact = block.block(IMAGES)
    simulated, file = apart(block(IMAGES), exact), apart(trainable(block.block, IMAGES).eval()(IMAGES), exact)
    assert 0.002 < simulated < 0.05
    assert simulated == pytest.approx(file, rel=0.25)


@torch.no_grad()
def test_a_block_in_a_network_without_choices_computes_what_it_would_unmarked():
    block = twin("mbconv")
    assert not torch.equal(block(IMAGES), block.block(IMAGES))
    block.simplify()
    assert torch.equal(block(IMAGES), block.block(IMAGES))


def test_gradients_reach_weights_and_input_through_the_rounding():
    block, given = twin("mbconv").train(), IMAGES.clone().requires_grad_()
    exact = copy.deepcopy(block)
    exact.simulated = False
    for one in (block, exact):
        one(given).square().mean().backward()
    pairs = list(zip(block.parameters(), exact.parameters(), strict=True))
    assert given.grad is not None and len(pairs) == 9
    for ours, theirs in pairs:
        assert ours.grad is not None and theirs.grad is not None
        assert apart(ours.grad, theirs.grad) < 0.3


def test_values_take_256_steps_from_the_smallest_to_the_largest():
    values = torch.linspace(-1, 3, 1001)
    found = rounded(values)
    assert len(found.unique()) == 256 and 0.0 in found
    assert (found - values).abs().max() <= 4 / 255 * 0.51 + 1e-6
    assert torch.equal(rounded(torch.zeros(4)), torch.zeros(4))


def test_weights_are_rounded_by_channel():
    weight = torch.randn(4, 3, 3, 3) * torch.tensor([0.0, 1e-3, 1.0, 1e3]).view(4, 1, 1, 1)
    off = (rounded_by_channel(weight) - weight).abs().amax((1, 2, 3))
    assert (off <= weight.abs().amax((1, 2, 3)) / 127 * 0.51).all()
