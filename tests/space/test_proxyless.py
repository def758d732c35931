from __future__ import annotations

import torch
from torch import nn

from edgenas.cost.exact import exact_model
from edgenas.space import Architecture, Space
from edgenas.space.spaces.proxyless import network

SPACE = Space("proxyless", network, (3, 224, 224), 1000)


def test_twenty_one_blocks_of_which_fifteen_may_be_left_out() -> None:
    assert len(SPACE.choices) == 21
    assert sum("skip" in names for names in SPACE.choices.values()) == 15
    assert all(len([n for n in names if n != "skip"]) == 6 for names in SPACE.choices.values())


def test_the_maps_are_those_of_the_paper() -> None:
    shapes = [part.input_shape for part in SPACE.parts if part.candidate in (None, "mbconv_k3_e3")]
    assert shapes[:3] == [(3, 224, 224), (32, 112, 112), (16, 112, 112)]
    assert shapes[-3:] == [(192, 7, 7), (320, 7, 7), (1280, 7, 7)]


def test_its_largest_mobilenet_v2_has_half_a_billion_macs() -> None:
    architecture = Architecture({name: "mbconv_k3_e6" for name in SPACE.choices})
    assert 400e6 < exact_model(SPACE, "macs").predict(architecture) < 500e6


def test_it_runs_on_small_images_too() -> None:
    small = Space("proxyless", network, (1, 32, 32), 3)
    net = small.build(small.random(torch.Generator().manual_seed(0))).eval()
    assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 3)
    assert not any(isinstance(module, nn.Hardswish) for module in net.modules())
