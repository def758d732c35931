"""Two blocks, each narrow, wide or left out."""

from __future__ import annotations

from torch import nn

from edgenas.space import Choice
from edgenas.space.operators import ConvBN, Head, MBConv


def network(input_shape: tuple[int, int, int], classes: int, *, channels: int = 8) -> nn.Module:
    def block() -> nn.Module:
        return Choice({"narrow": MBConv(channels, channels, 3, 3), "wide": MBConv(channels, channels, 5, 6),
                       "skip": nn.Identity()})

    return nn.Sequential(ConvBN(input_shape[0], channels, 3), block(), block(), Head(channels, 16, classes))
