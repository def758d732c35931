"""Once-for-All's MobileNetV3: five stages of two to four blocks of any kernel and expansion (arXiv:1908.09791)."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from edgenas.space.choice import Choice
from edgenas.space.operators import Activation, ConvBN, MBConv

STAGES: tuple[tuple[int, int, bool, Activation], ...] = (
    (32, 2, False, "relu"), (48, 2, True, "relu"), (96, 2, False, "hardswish"), (136, 1, True, "hardswish"),
    (192, 2, True, "hardswish"))
"""Channels, the first block's stride, whether blocks have squeeze-excite, and their activation."""
FEWEST, MOST = 2, 4


def network(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """A supernet for images of `input_shape` (channels, height, width), made for 128×128 to 224×224.

    The authors' space of width 1.2. The third and fourth block of each stage may be left out.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["stem"] = ConvBN(input_shape[0], 24, 3, stride=2, activation="hardswish")
    layers["first"] = MBConv(24, 24, 3, 1, activation="relu")
    inputs = 24
    for index, (outputs, first_stride, squeeze_excite, activation) in enumerate(STAGES, start=1):
        blocks: OrderedDict[str, nn.Module] = OrderedDict()
        for block in range(MOST):
            candidates: dict[str, nn.Module] = {
                f"mbconv_k{kernel}_e{expansion}": mbconv(inputs, outputs, kernel, expansion,
                                                         first_stride if block == 0 else 1, squeeze_excite, activation)
                for expansion in (3, 4, 6) for kernel in (3, 5, 7)}
            if block >= FEWEST:
                candidates["skip"] = nn.Identity()
            blocks[f"block{block + 1}"] = Choice(candidates)
            inputs = outputs
        layers[f"stage{index}"] = nn.Sequential(blocks)
    layers["expand"] = ConvBN(inputs, 1152, activation="hardswish")
    layers["pool"] = nn.AdaptiveAvgPool2d(1)
    layers["mix"] = nn.Sequential(nn.Conv2d(1152, 1536, 1, bias=False), nn.Hardswish())
    layers["classifier"] = nn.Sequential(nn.Flatten(), nn.Linear(1536, classes))
    return nn.Sequential(layers)


def mbconv(inputs: int, outputs: int, kernel: int, expansion: int, stride: int, squeeze_excite: bool,
           activation: Activation) -> MBConv:
    """With the authors' number of reduced channels: a quarter of the hidden ones, rounded to a multiple of 8."""
    reduced = rounded(inputs * expansion / 4) if squeeze_excite else False
    return MBConv(inputs, outputs, kernel, expansion, stride=stride, activation=activation, squeeze_excite=reduced)


def rounded(channels: float, multiple: int = 8) -> int:
    """The nearest multiple that is not 0, or the next where the nearest is below nine tenths."""
    found = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return found + multiple if found < 0.9 * channels else found
