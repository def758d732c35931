"""Kernels: single operators, measured so that networks of other operators' shapes can be predicted.

After nn-Meter (Zhang et al., MobiSys 2021), which predicts a network as the sum of the kernels that a runtime executes.
Here a kernel is one operator of operators.py, with what is fused into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from edgenas.cost.operators import Network, Operator, Shape, trace

Draw = Callable[[Generator], tuple[nn.Module, Shape]]

CONV = re.compile(r"(\d+)->(\d+) k(\d+)x(\d+) s(\d+).* g(\d+)")
CHANNELS = re.compile(r"(\d+)->(\d+)")
MOST_MACS = 150_000_000
MOST_VALUES = 2_000_000  # of an operator's input, output or weights
ALIKE = {"relu6": "relu", "clip": "relu", "sub": "add"}
"""Kind -> the kind that does as much for each value."""
BORROWED = {"linear of rows": "pointwise"}
"""Family -> the one that it is predicted from where it was never profiled, without an interval: the same products."""


@dataclass(frozen=True)
class Kernel:
    """A module of one operator, what it takes, and the operator."""

    module: nn.Module
    input_shape: Shape
    network: Network


class Plus(nn.Module):
    """The sum of the input and another tensor, which is kept here."""

    other: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.register_buffer("other", torch.randn(1, *shape))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.other


class Times(Plus):
    """The product, by channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.other


class Twice(nn.Module):
    """The input beside itself."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x], 1)


def family(operator: Operator) -> str:
    """Which operators are predicted from one another: the kind, convolutions by how they group and reach."""
    match = CONV.match(operator.detail) if operator.kind == "conv2d" else None
    if match is None:
        rows = operator.kind == "linear" and math.prod(operator.shape[:-1]) > 1
        return "linear of rows" if rows else ALIKE.get(operator.kind, operator.kind)
    inputs, _, height, width, _, groups = map(int, match.groups())
    if groups == 1:
        return "pointwise" if height * width == 1 else "convolution"
    return "depthwise" if groups == inputs else "grouped"


def features(network: Network, index: int) -> list[float]:
    """Of the `index`-th operator: multiply-accumulates, weights, values read and written, positions of the output, and
    the logarithms of these and of channels, kernel and stride.
    """
    operator = network.operators[index]
    sources = [network.input_shape if i < 0 else network.operators[i].shape for i in operator.inputs]
    read = operator.elements if operator.kind == "cat" else sum(math.prod(shape) for shape in sources)
    if operator.kind == "add" and len(sources) == 1:
        read += operator.elements
    match = CONV.match(operator.detail) if operator.kind == "conv2d" else None
    area = int(match[3]) * int(match[4]) if match else 1
    stride = int(match[5]) if match else 1
    channels, outputs = _channels_of(operator, sources)
    positions = operator.elements // max(1, outputs)
    sizes = [operator.macs, operator.params, read, operator.elements]
    return [*map(float, sizes), *(math.log1p(value) for value in (
        *sizes, positions, channels, outputs, area, stride))]


def _channels_of(operator: Operator, sources: list[Shape]) -> tuple[int, int]:
    """Of what it reads and of what it writes: the first dimension of maps, the last of rows."""
    match = CHANNELS.match(operator.detail) if operator.kind in ("conv2d", "linear") else None
    if match:
        return int(match[1]), int(match[2])
    return sources[0][0] if sources and sources[0] else 1, operator.shape[0] if operator.shape else 1


def sample(count: int, seed: int = 0) -> Iterator[Kernel]:
    """`count` different kernels of all families in DRAWS, of shapes that mobile networks have; the same every time.

    Families take turns by their weight, so that any beginning of the list is a fair mix.
    """
    generator = np.random.default_rng(seed)
    seen: set[str] = set()
    credit = dict.fromkeys(DRAWS, 0.0)
    while len(seen) < count:
        for name, (weight, _) in DRAWS.items():
            credit[name] += weight
        name = max(credit, key=credit.__getitem__)
        module, shape = DRAWS[name][1](generator)
        network = trace(module, shape)
        if len(network.operators) != 1 or network.signature in seen or _is_too_large(network):
            continue
        credit[name] -= sum(weight for weight, _ in DRAWS.values())
        seen.add(network.signature)
        yield Kernel(module.eval(), shape, network)


def _is_too_large(network: Network) -> bool:
    operator = network.operators[0]
    return (operator.macs > MOST_MACS or operator.params > MOST_VALUES
            or max(math.prod(network.input_shape), operator.elements) > MOST_VALUES)


def _log_uniform(generator: Generator, low: float, high: float) -> int:
    return round(math.exp(generator.uniform(math.log(low), math.log(high))))


def _channels(generator: Generator, most: int = 1280) -> int:
    """From 3; nine in ten are multiples of 8, as networks' are."""
    number = _log_uniform(generator, 3, most)
    return max(8, round(number / 8) * 8) if generator.random() < 0.9 else number


def _side(generator: Generator) -> int:
    return _log_uniform(generator, 1, 112)


def _activated(generator: Generator, layer: nn.Module) -> nn.Module:
    activation = (None, nn.ReLU, nn.ReLU6, nn.Hardswish)[generator.integers(4)]
    return layer if activation is None else nn.Sequential(layer, activation())


def _pointwise(generator: Generator) -> tuple[nn.Module, Shape]:
    inputs, outputs, side = _channels(generator), _channels(generator), _side(generator)
    return _activated(generator, nn.Conv2d(inputs, outputs, 1)), (inputs, side, side)


def _convolution(generator: Generator) -> tuple[nn.Module, Shape]:
    inputs, outputs, side = _channels(generator, 512), _channels(generator, 512), max(3, 2 * _side(generator))
    kernel, stride = int(generator.choice([3, 3, 5, 7])), int(generator.integers(1, 3))
    return (_activated(generator, nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)), (inputs, side, side))


def _depthwise(generator: Generator) -> tuple[nn.Module, Shape]:
    channels, side = _channels(generator), max(2, _side(generator))
    kernel, stride = int(generator.choice([3, 5, 7])), int(generator.integers(1, 3))
    layer = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels)
    return _activated(generator, layer), (channels, side, side)


def _grouped(generator: Generator) -> tuple[nn.Module, Shape]:
    groups, side = int(generator.choice([2, 4, 8])), max(3, _side(generator))
    inputs, outputs = (groups * max(2, _channels(generator, 512) // groups) for _ in range(2))
    layer = nn.Conv2d(inputs, outputs, 3, int(generator.integers(1, 3)), 1, groups=groups)
    return _activated(generator, layer), (inputs, side, side)


def _linear(generator: Generator) -> tuple[nn.Module, Shape]:
    inputs = _channels(generator)
    return nn.Linear(inputs, _log_uniform(generator, 2, 1280)), (inputs,)


def _map(generator: Generator) -> Shape:
    side = _side(generator)
    return _channels(generator), side, side


def _plus(generator: Generator) -> tuple[nn.Module, Shape]:
    shape = _map(generator)
    return Plus(shape), shape


def _times(generator: Generator) -> tuple[nn.Module, Shape]:
    shape = _map(generator)
    return Times((shape[0], 1, 1)), shape


def _twice(generator: Generator) -> tuple[nn.Module, Shape]:
    return Twice(), _map(generator)


def _window(pool: Callable[[int, int, int], nn.Module]) -> Draw:
    def draw(generator: Generator) -> tuple[nn.Module, Shape]:
        channels, side, _ = _map(generator)
        return pool(3, int(generator.integers(1, 3)), 1), (channels, max(3, side), max(3, side))
    return draw


def _layer(make: Callable[[], nn.Module]) -> Draw:
    return lambda generator: (make(), _map(generator))


DRAWS: dict[str, tuple[float, Draw]] = {
    "pointwise": (5, _pointwise), "depthwise": (5, _depthwise), "convolution": (4, _convolution),
    "grouped": (1, _grouped), "linear": (2, _linear), "add": (2, _plus), "mul": (1.5, _times), "cat": (1, _twice),
    "adaptiveavgpool2d": (1.5, _layer(lambda: nn.AdaptiveAvgPool2d(1))),
    "avgpool2d": (1, _window(nn.AvgPool2d)), "maxpool2d": (1, _window(nn.MaxPool2d)),
    "relu": (1, _layer(nn.ReLU)), "hardswish": (1, _layer(nn.Hardswish)), "sigmoid": (1, _layer(nn.Sigmoid)),
}
"""Family -> how large a share of a sample it has, and what draws one."""
