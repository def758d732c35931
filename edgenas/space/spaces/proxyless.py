"""ProxylessNAS: 21 inverted residuals, each its own choice of kernel, expansion or absence (arXiv:1812.00332)."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from edgenas.space.choice import Choice
from edgenas.space.operators import ConvBN, MBConv

STAGES = ((24, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))
"""Channels, blocks, and the first block's stride."""


def network(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A supernet for images of `input_shape` (channels, height, width), made for 224×224.

    The macro-architecture of the authors' search for mobile phones. Where a block keeps its input's shape, it may be
    left out.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["stem"] = ConvBN(input_shape[0], 32, 3, stride=2)
    layers["first"] = MBConv(32, 16, 3, 1)
    inputs = 16
    for index, (outputs, depth, first_stride) in enumerate(STAGES, start=1):
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for block in range(depth):
            blocks[f"block{block + 1}"] = choice(inputs, outputs, first_stride if block == 0 else 1)
            inputs = outputs
        layers[f"stage{index}"] = nn.Sequential(blocks)
    layers["mix"] = ConvBN(inputs, 1280)
    layers["classifier"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))
    return nn.Sequential(layers)


def choice(inputs: int, outputs: int, stride: int) -> Choice:
    candidates: dict[str, nn.Module] = {
        f"mbconv_k{kernel}_e{expansion}": MBConv(inputs, outputs, kernel, expansion, stride=stride)
        for expansion in (3, 6) for kernel in (3, 5, 7)}
    if stride == 1 and inputs == outputs:
        candidates["skip"] = nn.Identity()
    return Choice(candidates)
