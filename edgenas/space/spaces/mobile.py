"""Inverted residuals, each block its own choice of kernel, expansion or absence (after ProxylessNAS, MnasNet)."""

from __future__ import annotations

from collections import OrderedDict
from math import log2
from typing import Annotated

from annotated_types import Ge, Gt, Le
from torch import nn

from edgenas.space.choice import Choice
from edgenas.space.operators import Activation, ConvBN, Head, MBConv

WIDTHS = (16, 24, 40, 80, 160)  # channels per stage, from the largest feature map to the smallest


def network(input_shape: tuple[int, int, int], classes: int, *, width: Annotated[float, Gt(0), Le(100)] = 1.0,
            depth: Annotated[int, Ge(1), Le(100)] = 3, activation: Activation = "relu6",
            squeeze_excite: bool = False, round_to: Annotated[int, Ge(1), Le(1024)] = 8) -> nn.Module:
    """A supernet for images of `input_shape` (channels, height, width).

    width: multiplies every stage's channels, rounded to a multiple of `round_to` (vector units like 8). depth: blocks
    per stage. The image is halved until its side is between 4 and 8; the stem takes the first halving of images of 16
    pixels or more, every stage after the first takes one more.
    """
    channels, *side = input_shape
    halvings = max(0, int(log2(min(side) / 4)))
    stem_stride = 2 if halvings >= 2 else 1
    stages = halvings - (stem_stride == 2) + 1
    widths = [scaled(w, width, round_to) for w in (*WIDTHS, *WIDTHS[-1:] * stages)[:stages]]
    inputs = widths[0]

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["stem"] = ConvBN(channels, inputs, 3, stride=stem_stride, activation=activation)
    for index, outputs in enumerate(widths):
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for block in range(depth):
            stride = 2 if block == 0 and index > 0 else 1
            candidates: dict[str, nn.Module] = {
                f"mbconv_k{kernel}_e{expansion}": MBConv(inputs, outputs, kernel, expansion, stride=stride,
                                                         activation=activation, squeeze_excite=squeeze_excite)
                for expansion in (3, 6) for kernel in (3, 5, 7)
            }
            if block > 0:
                candidates["skip"] = nn.Identity()
            blocks[f"block{block + 1}"] = Choice(candidates)
            inputs = outputs
        layers[f"stage{index + 1}"] = nn.Sequential(blocks)
    layers["head"] = Head(inputs, 4 * inputs, classes, activation=activation)
    return nn.Sequential(layers)


def scaled(channels: int, factor: float, multiple: int) -> int:
    """`channels * factor`, rounded to a multiple of `multiple` that is not 0."""
    return max(multiple, round(channels * factor / multiple) * multiple)
