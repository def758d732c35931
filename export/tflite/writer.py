"""TFLite models of lowered modules, with the operators that litert-torch chooses; float32 or int8."""

from __future__ import annotations

from functools import singledispatchmethod

import numpy as np

from edgenas.export.ir.ops import (
    Activation,
    Add,
    Concat,
    Constant,
    Conv,
    Linear,
    Lowered,
    Mean,
    Mul,
    Op,
    Pad,
    Pool,
    Reshape,
)
from edgenas.export.quantise.quantised import Quantised
from edgenas.export.quantise.scale import HIGH, LOW, Scale
from edgenas.export.quantise.scales import weights
from edgenas.export.tflite.builder import Writer
from edgenas.export.tflite.graph import canonical
from edgenas.export.tflite.layout import arranged

KINDS = {"relu": "RELU", "relu6": "RELU6", "hardswish": "HARD_SWISH", "sigmoid": "LOGISTIC"}


def content(lowered: Lowered) -> bytes:
    """An fp32 model of input `image` and output `logits`, maps NHWC.

    Raises: NotLoweredError for an operator that TFLite lacks.
    """
    return _content(arranged(lowered), None)


def content_int8(network: Quantised) -> bytes:
    """The same in int8, input and output too."""
    return _content(network.lowered, network.scales)


def _content(lowered: Lowered, found: dict[int, Scale] | None) -> bytes:
    graph = _Graph(lowered, found)
    for op in lowered.ops:
        graph.put(op, [graph.value(index) for index in op.inputs], graph.value(op.output))
    return canonical(graph.writer.model(), graph.value(0), graph.value(lowered.output))


class _Graph:
    def __init__(self, lowered: Lowered, found: dict[int, Scale] | None) -> None:
        self.lowered, self.scales = lowered, found
        self.writer = Writer(int8=found is not None)
        self._tensors: dict[int, int] = {}

    def value(self, index: int) -> int:
        """The tensor of a value."""
        if index not in self._tensors:
            shape = self.lowered.shapes[index]
            shape = (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape
            self._tensors[index] = self.writer.value(shape, None if self.scales is None else self.scales[index])
        return self._tensors[index]

    @singledispatchmethod
    def put(self, op: Op, inputs: list[int], output: int) -> None:
        raise NotImplementedError(type(op).__name__)

    @put.register
    def _(self, op: Conv, inputs: list[int], output: int) -> None:
        depthwise = op.weight.shape[1] == 1
        options = {"padding": self._padding(op.padding), "strideH": op.stride[0], "strideW": op.stride[1],
                   "dilationHFactor": op.dilation[0], "dilationWFactor": op.dilation[1]}
        order = (1, 2, 3, 0) if depthwise else (0, 2, 3, 1)
        operands = [*inputs, *self._weights(op, order)]
        if depthwise:
            self.writer.operator("DEPTHWISE_CONV_2D", operands, output, self._fused(op), 2 * (max(op.dilation) > 1),
                                 depthMultiplier=len(op.weight) // op.groups, **options)
        else:
            self.writer.operator("CONV_2D", operands, output, self._fused(op), 6 * (op.groups > 1), **options)

    @put.register
    def _(self, op: Linear, inputs: list[int], output: int) -> None:
        self.writer.operator("FULLY_CONNECTED", [*inputs, *self._weights(op, (0, 1))], output, self._fused(op))

    @put.register
    def _(self, op: Activation, inputs: list[int], output: int) -> None:
        if op.kind in KINDS:
            self.writer.operator(KINDS[op.kind], inputs, output)
        else:
            self.writer.operator("GELU", inputs, output, approximate=op.kind == "gelu_tanh")

    @put.register
    def _(self, op: Add, inputs: list[int], output: int) -> None:
        self.writer.operator("ADD", inputs, output, self._fused(op))

    @put.register
    def _(self, op: Mul, inputs: list[int], output: int) -> None:
        self.writer.operator("MUL", inputs, output, self._fused(op))

    @put.register
    def _(self, op: Constant, inputs: list[int], output: int) -> None:
        number = self.writer.constant(np.float32(op.value)) if self.scales is None else self.writer.constant(
            np.int8(HIGH if op.value > 0 else -HIGH), np.array([abs(op.value) / HIGH]))
        self.writer.operator(op.kind.upper(), [*inputs, number], output, self._fused(op))

    @put.register
    def _(self, op: Concat, inputs: list[int], output: int) -> None:
        axis = 3 if len(self.lowered.shapes[op.output]) == 4 else 1
        self.writer.operator("CONCATENATION", inputs, output, axis=axis, fusedActivationFunction=0)

    @put.register
    def _(self, op: Mean, inputs: list[int], output: int) -> None:
        axes = self.writer.constant(np.array([1, 2], np.int32))
        self.writer.operator("MEAN", [*inputs, axes], output, keepDims=op.keep)

    @put.register
    def _(self, op: Pool, inputs: list[int], output: int) -> None:
        self.writer.operator(
            "MAX_POOL_2D" if op.kind == "max" else "AVERAGE_POOL_2D", inputs, output,
            padding=self._padding(op.padding), strideH=op.stride[0], strideW=op.stride[1],
            filterHeight=op.kernel[0], filterWidth=op.kernel[1], fusedActivationFunction=0)

    @put.register
    def _(self, op: Pad, inputs: list[int], output: int) -> None:
        top, bottom, left, right = op.sides
        operands = [*inputs, self.writer.constant(np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))]
        if op.value == 0:
            self.writer.operator("PAD", operands, output)
            return
        lowest = self.writer.constant(np.float32(op.value)) if self.scales is None else self.writer.constant(
            np.int8(LOW), np.array([self.scales[op.output].scale]), zero_point=self.scales[op.output].zero_point)
        self.writer.operator("PADV2", [*operands, lowest], output)

    @put.register
    def _(self, op: Reshape, inputs: list[int], output: int) -> None:
        shape = np.array(self.writer.shape(output), np.int32)
        self.writer.operator("RESHAPE", [*inputs, self.writer.constant(shape)], output, newShape=shape)

    def _weights(self, op: Conv | Linear, order: tuple[int, ...]) -> tuple[int, int]:
        """Tensors of the weight, its axes in another order, and of the bias."""
        if self.scales is None:
            bias = np.zeros(len(op.weight), np.float32) if op.bias is None else op.bias
            return self.writer.constant(op.weight.transpose(order)), self.writer.constant(bias)
        given = self.scales[op.inputs[0]]
        weight, shift, scale = weights(op.weight, op.bias, given)
        return (self.writer.constant(weight.transpose(order), scale, axis=order.index(0)),
                self.writer.constant(shift, scale * np.float32(given.scale)))

    def _padding(self, sides: tuple[int, ...]) -> int:
        return self.writer.padding("SAME" if any(sides) else "VALID")

    def _fused(self, op: Op) -> str:
        return (op.activation or "none").upper()
