"""Whole networks made up of drawn operators, so that their sum is calibrated on networks of all kinds.

A network is a chain: each operator takes what the one before gives, as maps (channels, height, width), as rows (tokens
of so many values, steps of a series), or as one vector.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from edgenas.cost.kernels.draws import DRAWS
from edgenas.cost.kernels.modules import Attention, Map, Mean, Rows
from edgenas.cost.kernels.sampling import Kernel, features
from edgenas.cost.kernels.sizes import Sizes
from edgenas.cost.network import Network, Shape, trace

Step = tuple[str, Mapping[str, int]]
"""A family, and the sizes that it is drawn around."""

OF_MAPS = ("pointwise", "depthwise", "convolution", "grouped", "convtranspose2d", "avgpool2d", "maxpool2d",
           "resize nearest", "resize linear")
OF_ROWS = ("linear of rows", "layernorm", "conv1d", "transpose", "matmul", "softmax")
OF_ANY = ("add", "mul", "cat", "slice", "relu", "hardswish", "sigmoid", "gelu")
AT_END = ("adaptiveavgpool2d", "linear")
STEPS = (3, 9)
"""Operators of a network beside its end, at least and below."""
SIDES, CHANNELS = (8, 96), (3, 64)
"""Of the images or maps that made-up networks take; of rows their number and length."""
MOST_VALUES = 400_000
MOST_MACS = 120_000_000
TRIES = 12
"""Networks that are drawn for each that is taken."""
IGNORED = ("softmax", "transpose")
"""Families that are part of the attention, where a network has some."""


@dataclass
class Chain:
    """layers: until now. shape: of what the last gives, without the batch."""

    shape: Shape
    generator: Generator
    as_they_lie: bool
    most_values: int = MOST_VALUES

    def __post_init__(self) -> None:
        self.layers: list[nn.Module] = []

    def add(self, name: str, centre: Mapping[str, int]) -> bool:
        """Append an operator of a family, and what turns maps to rows or back before it; whether it could be."""
        before = len(self.layers), self.shape
        try:
            fits = self._fit(name) and self._append(self._layer(name, centre))
        except (ValueError, RuntimeError):  # a window larger than the map, sizes without a common divisor
            fits = False
        if not fits:
            del self.layers[before[0]:]
            self.shape = before[1]
        return fits

    def _fit(self, name: str) -> bool:
        if name in OF_ROWS and len(self.shape) == 3:
            return self._append(Rows(self.shape, self.as_they_lie))
        if name in OF_MAPS and len(self.shape) == 2:
            return self._append(Map(self.shape[0], self.shape[1]))
        return len(self.shape) > 1 or name not in (*OF_ROWS, *OF_MAPS, "adaptiveavgpool2d")

    def _layer(self, name: str, centre: Mapping[str, int]) -> nn.Module:
        if name == "matmul":
            heads = max(1, min(centre.get("heads", int(2 ** self.generator.integers(0, 4))), self.shape[1]))
            return Attention(self.shape[1], math.gcd(heads, self.shape[1]))
        if name == "adaptiveavgpool2d" and len(self.shape) == 2:
            return Mean()
        if name == "linear":
            count = Sizes(self.generator, centre).number("outputs", 2, 100)
            return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(self.shape), count))
        return DRAWS[name][1](Sizes(self.generator, centre, self.shape))[0]

    def _append(self, layer: nn.Module) -> bool:
        given: Tensor = layer.eval()(torch.empty(1, *self.shape, device="meta"))
        self.layers.append(layer)
        self.shape = tuple(given.shape[1:])
        return 0 < given.numel() <= self.most_values


def chain(steps: Sequence[Step], shape: Shape, generator: Generator, most_values: int = MOST_VALUES) -> Kernel | None:
    """A network that takes those steps which are possible one after the other; None if fewer than half of them are."""
    names = [name for name, _ in steps]
    built = Chain(shape, generator, "transpose" not in names, most_values)
    products = taken = 0
    with torch.device("meta"):
        for name, centre in steps:
            products += name == "matmul"
            part_of_attention = "matmul" in names and (name in IGNORED or (name == "matmul" and products % 2 == 0))
            taken += part_of_attention or built.add(name, centre)
    if 2 * taken < len(steps) or not built.layers:
        return None
    module = nn.Sequential(*built.layers)
    return Kernel(module, shape, trace(module.eval(), shape))


def mixes(count: int, seed: int = 0) -> Iterator[Kernel]:
    """`count` different networks that have operators of all families of DRAWS between them; the same every time."""
    generator = np.random.default_rng([seed, 1])
    found: list[Kernel] = []
    credit = dict.fromkeys(DRAWS, 0.0)
    for _ in range(TRIES * count):
        kernel = _mixed(generator, credit)
        if kernel is not None and kernel.network.macs <= MOST_MACS:
            found.append(kernel)
            if len(found) == count:
                break
    yield from found


def _mixed(generator: Generator, credit: dict[str, float]) -> Kernel | None:
    """Of maps, of rows, or of both; families that were used least come first."""
    of_maps, of_rows = ((True, False), (True, True), (False, True))[generator.integers(3)]
    side = _log_uniform(generator, *SIDES)
    shape = (_log_uniform(generator, *CHANNELS), side, side) if of_maps else (side, _log_uniform(generator, 16, 256))
    names: list[str] = []
    for wanted in ([OF_MAPS] if of_maps else []) + ([OF_ROWS] if of_rows else []):
        names += [_least_used((*wanted, *OF_ANY), credit, generator) for _ in range(generator.integers(*STEPS))]
    return chain([(name, {}) for name in (*names, *AT_END)], shape, generator)


def _least_used(names: Sequence[str], credit: dict[str, float], generator: Generator) -> str:
    name = min(names, key=lambda name: (credit[name] + generator.random()) / DRAWS[name][0])
    credit[name] += 1
    return name


def _log_uniform(generator: Generator, low: int, high: int) -> int:
    return round(math.exp(generator.uniform(math.log(low), math.log(high))))


def moved(network: Network) -> float:
    """How many values a network's operators read and write."""
    return sum(row[2] + row[3] for row in (features(network, index) for index in range(len(network.operators))))
