from __future__ import annotations

from typing import cast

import torch
from torch import nn

from edgenas.cost.network import trace
from edgenas.space import choices_of
from edgenas.space.mobilenet import mobilenet_v2_like
from edgenas.space.operators import MBConv

SHAPE = (1, 16, 16)


def test_every_block_is_mobilenet_v2s_own() -> None:
    network = mobilenet_v2_like(SHAPE, 5, 0.5, depth=2)
    blocks = [m for m in network.modules() if isinstance(m, MBConv)]
    assert len(blocks) == 4
    expand, depthwise = ([cast(nn.Conv2d, b.get_submodule(f"body.{i}.0")) for b in blocks] for i in (0, 1))
    assert {conv.kernel_size for conv in depthwise} == {(3, 3)}
    assert {conv.out_channels / conv.in_channels for conv in expand} == {6}
    assert not choices_of(network)
    assert network(torch.zeros(2, *SHAPE)).shape == (2, 5)


def test_width_and_depth_change_the_cost_in_small_steps() -> None:
    macs = [trace(mobilenet_v2_like(SHAPE, 5, width, depth=1), SHAPE).macs for width in (0.5, 0.75, 1.0, 1.25)]
    assert macs == sorted(set(macs))
    assert trace(mobilenet_v2_like(SHAPE, 5, 0.5, depth=2), SHAPE).macs > macs[0]
