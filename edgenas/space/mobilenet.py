"""A hand-made network to compare with: MobileNetV2-like, scaled by width and depth."""

from __future__ import annotations

from torch import nn

from edgenas.space.architecture import Architecture
from edgenas.space.choice import choices_of
from edgenas.space.pick import pick
from edgenas.space.spaces.mobile import WIDTHS, network, scaled

BLOCK = "mbconv_k3_e6"  # MobileNetV2 (arXiv:1801.04381) is built of these alone
ROUND_TO = 4  # a finer step than the space's own, so that a budget can be used fully


def channels(width: float) -> tuple[int, ...]:
    """Of each stage, as `width` multiplies them; small images have fewer stages."""
    return tuple(scaled(count, width, ROUND_TO) for count in WIDTHS)


def mobilenet_v2_like(input_shape: tuple[int, int, int], classes: int, width: float, depth: int = 3) -> nn.Module:
    """The `mobile` space's stages with MobileNetV2's block everywhere; `width` multiplies the channels."""
    supernet = network(input_shape, classes, width=width, depth=depth, round_to=ROUND_TO)
    return pick(supernet, Architecture(dict.fromkeys(choices_of(supernet), BLOCK)))
