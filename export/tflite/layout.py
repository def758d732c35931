"""Lowered modules as TFLite computes them: padding apart where it is none of TFLite's own, hard sigmoid in parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgenas.export.ir.lowering import NotLoweredError
from edgenas.export.ir.ops import (
    Activation,
    Constant,
    Conv,
    Linear,
    Lowered,
    Mean,
    Op,
    Pad,
    Pair,
    Pool,
    Reshape,
    Sides,
)

NONE: Sides = (0, 0, 0, 0)


def arranged(lowered: Lowered) -> Lowered:
    """The same function in operators that TFLite has; padding that is left on one is TFLite's SAME.

    A hard sigmoid is ReLU6(x + 3) / 6, the 3 part of the bias before it; a mean drops the axes that a reshape would;
    a map is flattened with its channels innermost, and the weights that follow are in that order.

    Of a file of mixed precision only what is in int8 is rewritten, so that the rest stays as in the fp32 file.

    Raises: NotLoweredError naming the operator that TFLite lacks.
    """
    rewriter = _Rewriter(lowered)
    for op in lowered.ops:
        rewriter.take(op)
    return replace(lowered, shapes=rewriter.shapes, ops=tuple(rewriter.makers.values()))


class _Rewriter:
    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.shapes = dict(lowered.shapes)
        self.makers: dict[int, Op] = {}  # by output, in order

    def take(self, op: Op) -> None:
        if self.lowered.mixed and not op.int8:
            self._put(op)
        elif isinstance(op, Conv):
            self._conv(op)
        elif isinstance(op, Pool):
            self._pool(op)
        elif isinstance(op, Activation) and op.kind == "hardsigmoid":
            self._hard_sigmoid(op)
        elif isinstance(op, Reshape):
            self._reshape(op)
        elif isinstance(op, Linear):
            self._put(self._linear(op))
        else:
            self._put(op)

    def _put(self, op: Op) -> None:
        self.makers[op.output] = op

    def _before(self, op: Op) -> Op | None:
        """The operator of the same precision whose result `op` alone takes."""
        found = self.makers.get(op.inputs[0]) if self.lowered.uses(op.inputs[0]) == 1 else None
        return found if found is not None and found.int8 == op.int8 else None

    def _new(self, like: int) -> int:
        number = max(self.shapes) + 1
        self.shapes[number] = self.shapes[like]
        return number

    def _conv(self, op: Conv) -> None:
        if any(op.padding) and not self._is_same(op, op.kernel, op.stride, op.dilation, op.padding):
            op = replace(op, inputs=(self._padded(op, 0.0),), padding=NONE)
        self._put(op)

    def _pool(self, op: Pool) -> None:
        counted = op.kind == "avg" and op.counts_padding
        if any(op.padding) and (counted or not self._is_same(op, op.kernel, op.stride, (1, 1), op.padding)):
            if op.kind == "avg" and not counted:
                raise NotLoweredError("operator AvgPool2d with count_include_pad=False is outside the vocabulary")
            fill = 0.0 if counted else float("-inf")
            op = replace(op, inputs=(self._padded(op, fill),), padding=NONE)
        self._put(op)

    def _is_same(self, op: Op, kernel: Pair, stride: Pair, dilation: Pair, padding: Sides) -> bool:
        """Whether the padding is what TFLite calls SAME."""
        given, made = self.shapes[op.inputs[0]][2:], self.shapes[op.output][2:]
        for axis in (0, 1):
            wanted = -(-given[axis] // stride[axis])
            total = max((wanted - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1 - given[axis], 0)
            if (made[axis], padding[2 * axis]) != (wanted, total // 2):
                return False
        return True

    def _padded(self, op: Conv | Pool, fill: float) -> int:
        value, sides = op.inputs[0], op.padding
        result = self._new(value)
        batch, channels, height, width = self.shapes[value]
        self.shapes[result] = (batch, channels, height + sides[0] + sides[1], width + sides[2] + sides[3])
        self._put(Pad(inputs=(value,), output=result, sides=sides, value=fill, int8=op.int8))
        return result

    def _hard_sigmoid(self, op: Activation) -> None:
        before, middle = self._before(op), self._new(op.inputs[0])
        if isinstance(before, (Conv, Linear)) and before.activation is None:
            del self.makers[before.output]
            bias = np.float32(3) if before.bias is None else before.bias + np.float32(3)
            self._put(replace(before, output=middle, activation="relu6",
                              bias=np.broadcast_to(bias, before.weight.shape[:1]).copy()))
        else:
            self._put(Constant(inputs=op.inputs, output=middle, kind="add", value=3.0, activation="relu6",
                               int8=op.int8))
        self._put(Constant(inputs=(middle,), output=op.output, kind="mul", value=1 / 6, int8=op.int8))

    def _reshape(self, op: Reshape) -> None:
        before, given = self._before(op), self.shapes[op.inputs[0]]
        if isinstance(before, Mean) and len(op.shape) == 2:
            del self.makers[before.output]
            self._put(replace(before, output=op.output, keep=False))
        elif len(given) == 4 and given[2:] != (1, 1):
            users = [user for user in self.lowered.ops if op.output in user.inputs]
            if op.output == self.lowered.output or not all(
                    isinstance(user, Linear) and user.int8 == op.int8 for user in users):
                raise NotLoweredError("operator Flatten before another operator than Linear is outside the vocabulary")
            self._put(replace(op, channels_last=True))
        else:
            self._put(op)

    def _linear(self, op: Linear) -> Linear:
        before = self.makers.get(op.inputs[0])
        if not (isinstance(before, Reshape) and before.channels_last):
            return op
        _, channels, height, width = self.shapes[before.inputs[0]]
        weight = op.weight.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return replace(op, weight=np.ascontiguousarray(weight.reshape(op.weight.shape)))
