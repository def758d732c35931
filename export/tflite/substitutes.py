"""Pooling and transposed convolutions that Google's converter cannot express, in operators that it can.

Each function takes what PyTorch's operator of that name takes and computes the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.nn import functional as F

Size = int | Sequence[int]


def substituted(graph: GraphModule, substitutes: Mapping[Any, Callable[..., Tensor]] | None = None) -> bool:
    """Replace every operator of `graph` that has a substitute, by default in SUBSTITUTES; whether there was any."""
    known = SUBSTITUTES if substitutes is None else substitutes
    found = [node for node in graph.graph.nodes if node.target in known]
    for node in found:
        node.target = known[node.target]
    graph.recompile()
    return bool(found)


def max_pool2d(x: Tensor, kernel: Size, stride: Size = (), padding: Size = 0, dilation: Size = 1,
               ceil_mode: bool = False) -> Tensor:
    """What is laid around the map is never the largest: its border again, or, as a dilated window may step over that,
    its smallest element."""
    kernel, padding, dilation = _pair(kernel), _pair(padding), _pair(dilation)
    stride = _pair(stride or kernel)
    made = [_pooled(x.shape[2 + axis], kernel[axis], stride[axis], padding[axis], dilation[axis], ceil_mode)
            for axis in (0, 1)]
    dilated = dilation != (1, 1)
    edge = x.amin((2, 3), keepdim=True) if dilated else None
    for axis in (0, 1):
        reach = (made[axis] - 1) * stride[axis] + dilation[axis] * (kernel[axis] - 1) + 1
        x = _surrounded(x, 2 + axis, padding[axis], max(0, reach - x.shape[2 + axis] - padding[axis]), edge)
    if not dilated:
        return F.max_pool2d(x, kernel, stride)
    taps = [_strided(x, made, stride, [step * reach for step, reach in zip(place, dilation, strict=True)])
            for place in itertools.product(range(kernel[0]), range(kernel[1]))]
    largest = taps[0]
    for tap in taps[1:]:
        largest = torch.maximum(largest, tap)
    return largest


def avg_pool2d(x: Tensor, kernel: Size, stride: Size = (), padding: Size = 0, ceil_mode: bool = False,
               count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """The mean of windows of a map with zeros around it, times what each divisor differs by."""
    kernel, padding = _pair(kernel), _pair(padding)
    stride = _pair(stride or kernel)
    counts = []
    for axis in (0, 1):
        size, pad = x.shape[2 + axis], padding[axis]
        made = _pooled(size, kernel[axis], stride[axis], pad, 1, ceil_mode)
        starts = [index * stride[axis] - pad for index in range(made)]
        low, high = (-pad, size + pad) if count_include_pad else (0, size)
        counts.append([min(start + kernel[axis], high) - max(start, low) for start in starts])
        after = max(0, starts[-1] + kernel[axis] - size)
        x = F.pad(x, (0, 0, pad, after) if axis == 0 else (pad, after))
    factors = [[kernel[0] * kernel[1] / (divisor_override or height * width) for width in counts[1]]
               for height in counts[0]]
    same = len({factor for row in factors for factor in row}) == 1
    return F.avg_pool2d(x, kernel, stride) * (factors[0][0] if same else torch.tensor(factors, dtype=x.dtype))


def conv_transpose2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0,
                     output_padding: Size = 0, groups: int = 1, dilation: Size = 1) -> Tensor:
    """Group by group without padding, with the kernel's gaps filled with zeros, then cut to size."""
    stride, padding, more, dilation = (_pair(value) for value in (stride, padding, output_padding, dilation))
    wanted = [(x.shape[2 + axis] - 1) * stride[axis] - 2 * padding[axis] + dilation[axis] * (weight.shape[2 + axis] - 1)
              + 1 + more[axis] for axis in (0, 1)]
    weight = _spread(weight, dilation, stride)
    size = len(weight) // groups
    made = torch.cat([F.conv_transpose2d(x[:, start:start + size], weight[start:start + size], None, stride)
                      for start in range(0, len(weight), size)], 1)
    for axis in (0, 1):
        lack = padding[axis] + wanted[axis] - made.shape[2 + axis]
        if lack > 0:
            made = F.pad(made, (0, 0, 0, lack) if axis == 0 else (0, lack))
        made = made.narrow(2 + axis, padding[axis], wanted[axis])
    return made if bias is None else made + bias[:, None, None]


def _spread(weight: Tensor, dilation: Sequence[int], stride: Sequence[int]) -> Tensor:
    """The kernel of a dilated convolution as one that is not; at least as large as the stride, as TFLite wants it."""
    reach = [gap * (size - 1) + 1 for gap, size in zip(dilation, weight.shape[2:], strict=True)]
    made = weight.new_zeros(*weight.shape[:2], *(max(pair) for pair in zip(reach, stride, strict=True)))
    made[:, :, :reach[0]:dilation[0], :reach[1]:dilation[1]] = weight
    return made


def _pooled(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    """Windows along an axis; one that would start behind the map and its padding in front is none."""
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    made = (-(-room // stride) if ceil_mode else room // stride) + 1
    return made - 1 if ceil_mode and (made - 1) * stride >= size + padding else made


def _surrounded(x: Tensor, axis: int, before: int, after: int, edge: Tensor | None) -> Tensor:
    """`x` with so many rows more along `axis`: of `edge`, or of its own first and last one."""
    size = x.shape[axis]
    row = [x.shape[0], x.shape[1], x.shape[2], x.shape[3]]
    row[axis] = 1
    first, last = (x.narrow(axis, place, 1) if edge is None else edge.expand(row) for place in (0, size - 1))
    return torch.cat([*[first] * before, x, *[last] * after], axis) if before or after else x


def _strided(x: Tensor, made: Sequence[int], stride: Sequence[int], start: Sequence[int]) -> Tensor:
    ends = [first + (size - 1) * step + 1 for first, size, step in zip(start, made, stride, strict=True)]
    return x[:, :, start[0]:ends[0]:stride[0], start[1]:ends[1]:stride[1]]


def _pair(value: Size) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (value[0], value[-1])


SUBSTITUTES: dict[Any, Callable[..., Tensor]] = {
    torch.ops.aten.max_pool2d.default: max_pool2d, torch.ops.aten.avg_pool2d.default: avg_pool2d,
    torch.ops.aten.conv_transpose2d.input: conv_transpose2d,
}
