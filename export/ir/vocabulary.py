"""What PyTorch's modules, functions and methods are in terms of ops.py."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.nn import functional as F

from edgenas.export.ir import ops
from edgenas.export.ir.ops import Op, Shape, Sides
from edgenas.space.int8 import enter_int8, leave_int8


class OutsideError(Exception):
    """What is asked for is not in the vocabulary."""


@dataclass(frozen=True)
class Ref:
    """A value: its number and shape."""

    index: int
    shape: Shape


class Build(Protocol):
    int8: bool
    """Whether what is added now is marked to be computed in int8."""

    def add(self, op: type[Op], *refs: Ref, **fields: Any) -> Ref:
        """Append an operator of these inputs and fields. Raises OutsideError if one of `refs` is no Ref."""


def conv(build: Build, leaf: nn.Conv2d, x: Ref) -> Ref:
    if leaf.padding_mode != "zeros" or len(x.shape) != 4:
        raise OutsideError
    bias = None if leaf.bias is None else array(leaf.bias)
    return build.add(ops.Conv, x, weight=array(leaf.weight), bias=bias, stride=leaf.stride, padding=_sides(leaf),
                     dilation=leaf.dilation, groups=leaf.groups)


def _sides(leaf: nn.Conv2d) -> Sides:
    if leaf.padding == "valid":
        return (0, 0, 0, 0)
    if leaf.padding == "same":
        total = [reach * (size - 1) for reach, size in zip(leaf.dilation, leaf.kernel_size, strict=True)]
        return (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
    height, width = _pair(leaf.padding)
    return (height, height, width, width)


def norm(build: Build, leaf: nn.BatchNorm2d, x: Ref) -> Ref:
    if leaf.running_mean is None or leaf.running_var is None:
        raise OutsideError
    scale = (leaf.running_var.double() + leaf.eps).rsqrt()
    scale = scale if leaf.weight is None else scale * leaf.weight.double()
    shift = -leaf.running_mean.double() * scale
    shift = shift if leaf.bias is None else shift + leaf.bias.double()
    return build.add(ops.Norm, x, scale=scale.numpy(), shift=shift.numpy())


def linear(build: Build, leaf: nn.Linear, x: Ref) -> Ref:
    if len(x.shape) != 2:
        raise OutsideError
    return build.add(ops.Linear, x, weight=array(leaf.weight), bias=None if leaf.bias is None else array(leaf.bias))


def array(weight: torch.Tensor) -> ops.Array:
    return weight.detach().float().contiguous().numpy().copy()


def average(build: Build, leaf: nn.AvgPool2d, x: Ref) -> Ref:
    if leaf.ceil_mode or leaf.divisor_override is not None or len(x.shape) != 4:
        raise OutsideError
    height, width = _pair(leaf.padding)
    return build.add(ops.Pool, x, kind="avg", kernel=_pair(leaf.kernel_size), stride=_pair(leaf.stride),
                     padding=(height, height, width, width), counts_padding=leaf.count_include_pad)


def largest(build: Build, leaf: nn.MaxPool2d, x: Ref) -> Ref:
    if leaf.ceil_mode or leaf.return_indices or _pair(leaf.dilation) != (1, 1) or len(x.shape) != 4:
        raise OutsideError
    height, width = _pair(leaf.padding)
    return build.add(ops.Pool, x, kind="max", kernel=_pair(leaf.kernel_size), stride=_pair(leaf.stride),
                     padding=(height, height, width, width))


def _pair(value: Any) -> ops.Pair:
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


def global_average(build: Build, x: Ref, output_size: Any) -> Ref:
    if output_size not in (1, (1, 1), [1, 1]) or len(x.shape) != 4:
        raise OutsideError
    return build.add(ops.Mean, x, keep=True)


def mean(build: Build, x: Ref, dim: Any, keepdim: bool = False) -> Ref:
    if len(x.shape) != 4 or isinstance(dim, int) or sorted(axis % 4 for axis in dim) != [2, 3]:
        raise OutsideError
    return build.add(ops.Mean, x, keep=keepdim)


def flatten(build: Build, x: Ref, start_dim: int = 0, end_dim: int = -1) -> Ref:
    if start_dim != 1 or end_dim % len(x.shape) != len(x.shape) - 1:
        raise OutsideError
    return _reshaped(build, x, (1, math.prod(x.shape)))


def reshape(build: Build, x: Ref, *sizes: Any) -> Ref:
    wanted = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], Sequence) else sizes
    if not all(isinstance(size, int) for size in wanted):
        raise OutsideError
    known = -math.prod(wanted) if -1 in wanted else 1
    return _reshaped(build, x, tuple(math.prod(x.shape) // known if size == -1 else size for size in wanted))


def _reshaped(build: Build, x: Ref, shape: Shape) -> Ref:
    """Maps become vectors; a vector becomes a map of one pixel: that is the same in every layout."""
    if shape == x.shape:
        return x
    if shape[0] != 1 or len(shape) not in (2, 4) or len(shape) == 4 and shape[2:] != (1, 1):
        raise OutsideError
    return build.add(ops.Reshape, x, shape=shape)


def concat(build: Build, tensors: Sequence[Ref], dim: int = 0) -> Ref:
    if not all(isinstance(tensor, Ref) for tensor in tensors) or dim % len(tensors[0].shape) != 1:
        raise OutsideError
    return build.add(ops.Concat, *tensors)


def gelu(build: Build, x: Ref, approximate: str = "none") -> Ref:
    return build.add(ops.Activation, x, kind="gelu_tanh" if approximate == "tanh" else "gelu")


def silu(build: Build, x: Ref, inplace: bool = False) -> Ref:
    return build.add(ops.Mul, x, build.add(ops.Activation, x, kind="sigmoid"))


def add(build: Build, x: Ref, other: Ref) -> Ref:
    return _pairwise(build, ops.Add, x, other)


def mul(build: Build, x: Ref, other: Ref) -> Ref:
    return _pairwise(build, ops.Mul, x, other)


def _pairwise(build: Build, op: type[Op], x: Ref, other: Ref) -> Ref:
    if not isinstance(x, Ref) or not isinstance(other, Ref) or len(x.shape) != len(other.shape):
        raise OutsideError
    return build.add(op, x, other)


def enter(build: Build, x: Ref) -> Ref:
    build.int8 = True
    return build.add(ops.Round, x)


def leave(build: Build, x: Ref) -> Ref:
    build.int8 = False
    return x


def same(build: Build, x: Ref, *settings: Any, **named: Any) -> Ref:
    return x


def size(build: Build, x: Ref, dim: int | None = None) -> Any:
    return x.shape if dim is None else x.shape[dim]


def attribute(build: Build, x: Ref, name: str) -> Any:
    if name != "shape":
        raise OutsideError
    return x.shape


def item(build: Build, values: Any, index: Any) -> Any:
    if isinstance(values, Ref):
        raise OutsideError
    return values[index]


def activation(kind: str) -> Callable[..., Ref]:
    def rule(build: Build, x: Ref, inplace: bool = False) -> Ref:
        return build.add(ops.Activation, x, kind=kind)
    return rule


relu, relu6, hardswish, hardsigmoid, sigmoid = (
    activation(kind) for kind in ("relu", "relu6", "hardswish", "hardsigmoid", "sigmoid"))

def _plain(rule: Callable[..., Ref]) -> Callable[..., Ref]:
    """The rule of a module without settings that matter."""
    return lambda build, leaf, x: rule(build, x)


# A module's rule takes the module and its input; that of a function or method takes its arguments.
MODULES: dict[type[nn.Module], Callable[..., Ref]] = {
    nn.Conv2d: conv, nn.BatchNorm2d: norm, nn.Linear: linear, nn.AvgPool2d: average, nn.MaxPool2d: largest,
    nn.AdaptiveAvgPool2d: lambda build, leaf, x: global_average(build, x, leaf.output_size),
    nn.Flatten: lambda build, leaf, x: flatten(build, x, leaf.start_dim, leaf.end_dim),
    nn.GELU: lambda build, leaf, x: gelu(build, x, leaf.approximate),
    nn.ReLU: _plain(relu), nn.ReLU6: _plain(relu6), nn.Hardswish: _plain(hardswish), nn.SiLU: _plain(silu),
    nn.Hardsigmoid: _plain(hardsigmoid), nn.Sigmoid: _plain(sigmoid), nn.Identity: _plain(same),
    nn.Dropout: _plain(same), nn.Dropout2d: _plain(same),
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    operator.add: add, operator.iadd: add, torch.add: add, operator.mul: mul, operator.imul: mul, torch.mul: mul,
    F.relu: relu, torch.relu: relu, F.relu6: relu6, F.hardswish: hardswish, F.hardsigmoid: hardsigmoid,
    F.sigmoid: sigmoid, torch.sigmoid: sigmoid, F.silu: silu, F.gelu: gelu, F.dropout: same, torch.mean: mean,
    F.adaptive_avg_pool2d: global_average, torch.flatten: flatten, torch.reshape: reshape, torch.cat: concat,
    torch.concat: concat, getattr: attribute, operator.getitem: item, enter_int8: enter, leave_int8: leave,
}

METHODS: dict[str, Callable[..., Any]] = {
    "add": add, "mul": mul, "relu": relu, "sigmoid": sigmoid, "mean": mean, "flatten": flatten, "view": reshape,
    "reshape": reshape, "contiguous": same, "size": size,
}
