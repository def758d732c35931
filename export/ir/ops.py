"""The vocabulary of the direct exporters: operators as PyTorch computes them, with their weights.

Values are numbered; 0 is the image. Shapes are PyTorch's: (1, C, H, W) or (1, features), whatever layout a format has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, ...]
Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right
Array = NDArray[np.float32]

ACTIVATIONS: dict[str, Callable[[Tensor], Any]] = {
    "relu": F.relu, "relu6": F.relu6, "hardswish": F.hardswish, "hardsigmoid": F.hardsigmoid, "sigmoid": torch.sigmoid,
    "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh")}
FUSABLE = ("relu", "relu6")


@dataclass(frozen=True, eq=False, kw_only=True)
class Op(ABC):
    """One operator: values `inputs` -> value `output`, followed by the activation that is fused into it.

    int8: whether a file of mixed precision computes it in int8.
    """

    fuses: ClassVar[bool] = False
    inputs: tuple[int, ...]
    output: int
    activation: str | None = None
    int8: bool = False

    @abstractmethod
    def compute(self, *values: Tensor) -> Tensor:
        """The output before the activation."""

    def run(self, *values: Tensor) -> Tensor:
        result = self.compute(*values)
        return activated(result, self.activation) if self.activation else result


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Op):
    """weight (outputs, inputs / groups, height, width), bias (outputs,) or None."""

    fuses = True
    weight: Array
    bias: Array | None
    stride: Pair
    padding: Sides
    dilation: Pair
    groups: int

    @property
    def kernel(self) -> Pair:
        height, width = self.weight.shape[2:]
        return height, width

    def compute(self, *values: Tensor) -> Tensor:
        return self.apply(values[0], _tensor(self.weight), _optional(self.bias))

    def apply(self, value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """With other weights than its own."""
        return F.conv2d(padded(value, self.padding), weight, bias, self.stride, dilation=self.dilation,
                        groups=self.groups)


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Op):
    """weight (outputs, inputs), bias (outputs,) or None; of vectors."""

    fuses = True
    weight: Array
    bias: Array | None

    def compute(self, *values: Tensor) -> Tensor:
        return self.apply(values[0], _tensor(self.weight), _optional(self.bias))

    def apply(self, value: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """With other weights than its own."""
        return F.linear(value, weight, bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class Norm(Op):
    """Batch normalisation in eval mode, float64; only until it is folded into the convolution before it."""

    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    def compute(self, *values: Tensor) -> Tensor:
        scale, shift = (torch.from_numpy(part).float().view(1, -1, 1, 1) for part in (self.scale, self.shift))
        return values[0] * scale + shift


@dataclass(frozen=True, eq=False, kw_only=True)
class Activation(Op):
    kind: str

    def compute(self, *values: Tensor) -> Tensor:
        return activated(values[0], self.kind)


@dataclass(frozen=True, eq=False, kw_only=True)
class Add(Op):
    fuses = True

    def compute(self, *values: Tensor) -> Tensor:
        return values[0] + values[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class Mul(Op):
    fuses = True

    def compute(self, *values: Tensor) -> Tensor:
        return values[0] * values[1]


@dataclass(frozen=True, eq=False, kw_only=True)
class Constant(Op):
    """kind: `add` or `mul` the number `value`."""

    kind: str
    value: float

    def compute(self, *values: Tensor) -> Tensor:
        return values[0] + self.value if self.kind == "add" else values[0] * self.value


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Op):
    """Along the channels."""

    def compute(self, *values: Tensor) -> Tensor:
        return torch.cat(values, 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Mean(Op):
    """Over height and width; keep: whether these stay, of size 1."""

    keep: bool

    def compute(self, *values: Tensor) -> Tensor:
        return values[0].mean((2, 3), keepdim=self.keep)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Op):
    """counts_padding: whether the zeros around the map take part in an average."""

    kind: str  # avg, max
    kernel: Pair
    stride: Pair
    padding: Sides
    counts_padding: bool = True

    def compute(self, *values: Tensor) -> Tensor:
        if self.kind == "max":
            return F.max_pool2d(padded(values[0], self.padding, float("-inf")), self.kernel, self.stride)
        if self.counts_padding:
            return F.avg_pool2d(padded(values[0], self.padding), self.kernel, self.stride)
        return F.avg_pool2d(values[0], self.kernel, self.stride, self.padding[::2], count_include_pad=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Op):
    """Around height and width."""

    sides: Sides
    value: float

    def compute(self, *values: Tensor) -> Tensor:
        return padded(values[0], self.sides, self.value)


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Op):
    """To `shape`; channels_last: a map's channels are its innermost axis before."""

    shape: Shape
    channels_last: bool = False

    def compute(self, *values: Tensor) -> Tensor:
        value = values[0].permute(0, 2, 3, 1) if self.channels_last else values[0]
        return value.reshape(len(value), *self.shape[1:])


@dataclass(frozen=True, eq=False, kw_only=True)
class Round(Op):
    """To int8, where operators in int8 take what one in float32 made; only in files of mixed precision."""

    def compute(self, *values: Tensor) -> Tensor:
        return values[0]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A module as operators in the order in which they can run. shapes: of every value, for one image. mixed: whether
    only operators that say so are in int8 when it is quantised, or all."""

    shapes: dict[int, Shape]
    ops: tuple[Op, ...]
    output: int
    mixed: bool = False

    @property
    def rounded(self) -> set[int]:
        """The values that are int8 when it is quantised."""
        return {op.output for op in self.ops if op.int8 or not self.mixed} | (set() if self.mixed else {0})

    def run(self, images: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Every value for images (N, ...), in order, the output's last."""
        values = {0: images}
        yield 0, images
        for op in self.ops:
            values[op.output] = op.run(*(values[index] for index in op.inputs))
            yield op.output, values[op.output]

    def uses(self, value: int) -> int:
        """How many operators take a value, the module's output counted as one."""
        return sum(op.inputs.count(value) for op in self.ops) + (value == self.output)


def activated(value: Tensor, kind: str) -> Tensor:
    result: Tensor = ACTIVATIONS[kind](value)
    return result


def padded(value: Tensor, sides: Sides, fill: float = 0.0) -> Tensor:
    top, bottom, left, right = sides
    return F.pad(value, (left, right, top, bottom), value=fill) if any(sides) else value


def _tensor(weight: Array) -> Any:
    return torch.from_numpy(weight)


def _optional(weight: Array | None) -> Any:
    return None if weight is None else torch.from_numpy(weight)
