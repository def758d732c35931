"""Kernels on tensors whose channels lie in lanes: (1, blocks, height, width, lanes), channel = block * lanes + lane.

After NCHWc of Liu et al., "Optimizing CNN Model Inference on CPUs" (arXiv:1809.02697): whatever the kernel, the
stride and the size of the image, a vector holds neighbouring channels of one pixel, so that every load is of a whole
vector or of one value for all lanes. With one lane this is NCHW. Lanes past the last channel hold what nothing reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

FUSABLE = 4
"""What FuseOps calls a kernel whose output element-wise operators may be computed in place."""


@dataclass(frozen=True)
class Window:
    """How a kernel moves over an image; padding is above, left, below and right of it."""

    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def output(self, x: Any) -> tuple[int, int]:
        """Height and width of the output for a padded input."""
        rows, columns = ((int(side) - gap * (taps - 1) - 1) // stride + 1 for side, gap, taps, stride
                         in zip(x.shape[2:4], self.dilation, self.size, self.strides, strict=True))
        return rows, columns

    def at(self, row: Any, column: Any, down: Any, right: Any) -> tuple[Any, Any]:
        return (row * self.strides[0] + down * self.dilation[0],
                column * self.strides[1] + right * self.dilation[1])


def dense(x: Any, weight: Any, window: Window) -> Any:
    """Convolution by a weight as `dense_weight` packs it."""
    from tvm import te
    x, taps = _padded(x, window), _taps(window)
    blocks, parts, _, _, within, lanes = (int(size) for size in weight.shape)
    part, one = te.reduce_axis((0, parts), "part"), te.reduce_axis((0, within), "one")
    return te.compute((1, blocks, *window.output(x), lanes), lambda _, block, row, column, lane: te.sum(
        x[0, part, *window.at(row, column, *taps), one] * weight[block, part, *taps, one, lane],
        axis=[part, *taps, one]), name="dense")


def grouped(x: Any, weight: Any, window: Window, groups: int) -> Any:
    """Convolution in groups of outputs that fill whole blocks: a weight as `grouped_weight` packs it."""
    from tvm import te
    x, taps, held = _padded(x, window), _taps(window), int(x.shape[4])
    blocks, _, _, inputs, lanes = (int(size) for size in weight.shape)
    part = te.reduce_axis((0, inputs), "part")

    def value(_: Any, block: Any, row: Any, column: Any, lane: Any) -> Any:
        channel = block // (blocks // groups) * inputs + part
        return te.sum(x[0, channel // held, *window.at(row, column, *taps), channel % held]
                      * weight[block, *taps, part, lane], axis=[*taps, part])

    return te.compute((1, blocks, *window.output(x), lanes), value, name="grouped")


def depthwise(x: Any, weight: Any, window: Window) -> Any:
    """Each channel by its own kernel: a weight as `depthwise_weight` packs it."""
    from tvm import te
    x, taps = _padded(x, window), _taps(window)
    return te.compute((1, int(x.shape[1]), *window.output(x), int(x.shape[4])),
                      lambda _, block, row, column, lane: te.sum(
                          x[0, block, *window.at(row, column, *taps), lane] * weight[block, *taps, lane],
                          axis=list(taps)), name="depthwise")


def packed(x: Any, lanes: int) -> Any:
    """(1, channels, height, width, 1) in `lanes`, zeros in those that are over."""
    from tvm import te, tirx
    _, channels, height, width, _ = (int(size) for size in x.shape)

    def value(_: Any, block: Any, row: Any, column: Any, lane: Any) -> Any:
        channel = block * lanes + lane
        read = x[0, channel, row, column, 0]
        return tirx.if_then_else(channel < channels, read, tirx.const(0, x.dtype)) if channels % lanes else read

    return te.compute((1, -(-channels // lanes), height, width, lanes), value, name="packed")


def plain(x: Any, channels: int) -> Any:
    """The first `channels` of x in one lane: (1, channels, height, width, 1)."""
    from tvm import te
    lanes = int(x.shape[4])
    return te.compute((1, channels, *x.shape[2:4], 1), lambda _, channel, row, column, __: x[
        0, channel // lanes, row, column, channel % lanes], name="plain")


def dense_weight(weight: np.ndarray, held: int, lanes: int) -> np.ndarray:
    """(outputs, inputs, kh, kw) as (blocks, the input's blocks, kh, kw, held, lanes); `held`: the input's lanes."""
    outputs, inputs, *_ = weight.shape
    weight = np.pad(weight, ((0, -outputs % lanes), (0, -inputs % held), (0, 0), (0, 0)))
    outputs, inputs, *size = weight.shape
    return weight.reshape(outputs // lanes, lanes, inputs // held, held, *size).transpose(0, 2, 4, 5, 3, 1)


def grouped_weight(weight: np.ndarray, lanes: int) -> np.ndarray:
    """(outputs, inputs of a group, kh, kw) as (blocks, kh, kw, inputs of a group, lanes)."""
    outputs, inputs, *size = weight.shape
    return weight.reshape(outputs // lanes, lanes, inputs, *size).transpose(0, 3, 4, 2, 1)


def depthwise_weight(weight: np.ndarray, lanes: int) -> np.ndarray:
    """(channels, 1, kh, kw) as (blocks, kh, kw, lanes)."""
    channels, _, *size = weight.shape
    weight = np.pad(weight[:, 0], ((0, -channels % lanes), (0, 0), (0, 0)))
    return weight.reshape(-1, lanes, *size).transpose(0, 2, 3, 1)


def _padded(x: Any, window: Window) -> Any:
    from tvm import topi
    top, left, bottom, right = window.padding
    return topi.nn.pad(x, (0, 0, top, left, 0), (0, 0, bottom, right, 0)) if any(window.padding) else x


def _taps(window: Window) -> tuple[Any, Any]:
    from tvm import te
    return te.reduce_axis((0, window.size[0]), "down"), te.reduce_axis((0, window.size[1]), "right")
