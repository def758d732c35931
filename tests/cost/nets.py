"""Small spaces and networks whose costs are known."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache

import torch
from torch import nn

from edgenas.measure.measurement import Measurement
from edgenas.space import Architecture, Choice, Space, load_space
from edgenas.space.operators import ConvBN

SHAPE = (1, 8, 8)


def twin_blocks(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Two equal choices, one after the other."""
    def choice() -> Choice:
        return Choice({"small": ConvBN(8, 8, 3), "large": ConvBN(8, 8, 7), "skip": nn.Identity()})

    return nn.Sequential(OrderedDict(stem=ConvBN(shape[0], 8, 3, stride=2), first=choice(), second=choice(),
                                     head=nn.Sequential(nn.Flatten(), nn.Linear(8 * 4 * 4, classes))))


def twins() -> Space:
    return Space("twins", twin_blocks, SHAPE, 3)


@cache
def mobile(**options: str) -> Space:
    return load_space("mobile", (1, 16, 16), 5, {"width": "0.25", "depth": "2", **options})


def draws(space: Space, count: int, seed: int = 0) -> list[Architecture]:
    generator = torch.Generator().manual_seed(seed)
    return [space.random(generator) for _ in range(count)]


def measured(ms: float, name: str = "x") -> Measurement:
    """A measurement of `ms` whose other statistics differ from it."""
    return Measurement(id=name, min_ms=ms * 0.9, median_of_minima_ms=ms, p50_ms=ms * 1.5, p90_ms=ms * 2,
                       mad_ms=0.0, spread=0.0, rounds=3, runs=60, agreed=True)
