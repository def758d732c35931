"""One ONNX node as an operator of the kind and with the detail that `operators.trace` gives it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgenas.cost.network import Operator, Shape
from edgenas.cost.onnx.counting import macs, weights
from edgenas.cost.onnx.values import Values, attributes
from edgenas.text import one_line

KINDS = {"Add": "add", "Sum": "add", "Mul": "mul", "Concat": "cat", "MaxPool": "maxpool2d", "MatMul": "matmul",
         "GlobalAveragePool": "adaptiveavgpool2d", "BatchNormalization": "batchnorm2d", "AveragePool": "avgpool2d",
         "LayerNormalization": "layernorm", "SimplifiedLayerNormalization": "layernorm"}
ACTIVATIONS = {"HardSwish": "hardswish", "HardSigmoid": "hardsigmoid", "Sigmoid": "sigmoid", "Gelu": "gelu",
               "QuickGelu": "silu"}
CONVOLUTIONS = {("Conv", 3): "conv1d", ("Conv", 4): "conv2d", ("ConvTranspose", 4): "convtranspose2d"}
"""Operator and how many dimensions its result has -> kind."""
NAME = 200
"""Characters of a name that a file gives."""
INFINITE = 3.4e38
"""The bounds of a Clip without bounds."""


@dataclass(frozen=True)
class Bounds:
    """What an activation clips its values to."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def name(self) -> str:
        return {(0.0, math.inf): "relu", (0.0, 6.0): "relu6"}.get((self.low, self.high), "clip")

    def within(self, other: Bounds) -> Bounds:
        return Bounds(max(self.low, other.low), min(self.high, other.high))


def bounds_of(node: Any, values: Values) -> Bounds | None:
    """Of Relu, of Clip in all its forms, of the smaller or larger of a value and a number; None of other nodes."""
    if node.op_type == "Relu":
        return Bounds(0.0)
    if node.op_type == "Clip":
        return _clip(node, values)
    if node.op_type not in ("Max", "Min") or len(node.input) != 2:
        return None
    number = next((values.scalar(name) for name in node.input if values.is_constant(name)), None)
    if number is None:
        return None
    return Bounds(low=number) if node.op_type == "Max" else Bounds(high=number)


def _clip(node: Any, values: Values) -> Bounds | None:
    """Bounds are attributes until opset 10, then inputs, of which one can be left out."""
    given = attributes(node)
    found = [given.get("min", -math.inf), given.get("max", math.inf)]
    for place, name in enumerate(node.input[1:3]):
        if name:
            number = values.scalar(name) if values.is_constant(name) else None
            if number is None:
                return None
            found[place] = number
    low, high = (math.copysign(math.inf, bound) if abs(bound) >= INFINITE else bound for bound in found)
    return Bounds(low, high)


def activation_of(node: Any, values: Values) -> str | None:
    bounds = bounds_of(node, values)
    return bounds.name if bounds else ACTIVATIONS.get(node.op_type)


def hard_swishes(nodes: list[Any]) -> list[Any]:
    """The nodes, with x · HardSigmoid(x) as one HardSwish again, which older exporters and onnxruntime write out."""
    from onnx import helper
    uses = Counter(name for node in nodes for name in node.input)
    gates = {node.output[0]: node.input[0] for node in nodes
             if node.op_type == "HardSigmoid" and abs(attributes(node).get("alpha", 0.2) - 1 / 6) < 1e-3}
    joined, gone = {}, set()
    for node in nodes:
        gate = next((name for name in node.input if name in gates), "")
        if node.op_type == "Mul" and gate and uses[gate] == 1 and gates[gate] in node.input:
            joined[node.output[0]] = helper.make_node("HardSwish", [gates[gate]], [node.output[0]], name=node.name)
            gone.add(gate)
    return [joined.get(node.output[0], node) for node in nodes if node.output[0] not in gone]


def operator_of(node: Any, output: str, feeds: tuple[int, ...], values: Values) -> Operator:
    """The operator that makes a node's value `output`. Raises: UsageError for a shape that is not fixed."""
    shape, counted = values.shape(output), macs(node, values) or 0
    params = sum(math.prod(values.shape(name)) for name in weights(node, values))
    convolution = CONVOLUTIONS.get((node.op_type, len(shape)))
    if convolution and values.is_constant(node.input[1]):
        return Operator(convolution, _conv_detail(node, values), feeds, channels_first(shape), counted, params)
    if node.op_type in ("Gemm", "MatMul") and _is_matrix(node.input[1], values):
        detail, rows = _linear(node, shape, values)
        return Operator("linear", detail, feeds, for_one(rows), counted, params)
    if _is_global_mean(node, values):
        return Operator("adaptiveavgpool2d", "output_size=1", feeds, channels_first(shape), 0, 0)
    if node.op_type == "Transpose":
        order = attributes(node).get("perm", range(len(shape))[::-1])
        return Operator("permute", ",".join(map(str, order)), feeds, channels_first(shape), 0, 0)
    if node.op_type in ("Resize", "Upsample"):
        mode = attributes(node).get("mode", b"nearest").decode(errors="replace")
        return Operator("upsample", f"mode={one_line(mode, NAME)}", feeds, channels_first(shape), 0, 0)
    kind = activation_of(node, values) or KINDS.get(node.op_type, one_line(node.op_type.lower(), NAME))
    return Operator(kind, "", feeds, channels_first(shape), counted, params)


def for_one(shape: Shape) -> Shape:
    """Without a leading batch of 1."""
    return shape[1:] if shape[:1] == (1,) else shape


def channels_first(shape: Shape) -> Shape:
    """Without a leading batch of 1; of several maps, their channels come before their number."""
    if len(shape) == 4 and shape[0] != 1:
        return shape[1], shape[0], *shape[2:]
    return for_one(shape)


def _is_matrix(name: str, values: Values) -> bool:
    """Whether a value is constant and a matrix, or a vector, which is one of one column."""
    return values.is_constant(name) and len(values.shape(name)) <= 2


def _linear(node: Any, shape: Shape, values: Values) -> tuple[str, Shape]:
    """The detail, and the output's full shape with the outputs last."""
    inputs, *columns = values.shape(node.input[1])
    if not columns:
        return f"{inputs}->1", (*shape, 1)
    if attributes(node).get("transB", 0):
        inputs, columns = columns[0], [inputs]
    biased = " bias" if len(node.input) > 2 and node.input[2] else ""
    return f"{inputs}->{columns[0]}{biased}", shape


def _conv_detail(node: Any, values: Values) -> str:
    given = attributes(node)
    outputs, per_group, *kernel = values.shape(node.input[1])
    groups, dims = given.get("group", 1), len(kernel)
    inputs, outputs = per_group * groups, outputs
    if node.op_type == "ConvTranspose":
        inputs, outputs = outputs, inputs
    strides, dilations = given.get("strides", [1] * dims), given.get("dilations", [1] * dims)
    pads = given.get("pads", [0] * 2 * dims)
    detail = (f"{inputs}->{outputs} k{'x'.join(map(str, kernel))} s{_pair(strides)} p{_pair(pads[:dims])} "
              f"g{groups}" + (f" d{_pair(dilations)}" if max(dilations) > 1 else ""))
    return detail + (" bias" if len(node.input) > 2 and node.input[2] else "")


def _is_global_mean(node: Any, values: Values) -> bool:
    if node.op_type == "ReduceMean":
        given = attributes(node)
        axes = given.get("axes")
        if axes is None and len(node.input) > 1 and values.is_constant(node.input[1]):
            axes = values.contents(node.input[1])
        shape = values.shape(node.input[0])
        return axes is not None and len(shape) == 4 and sorted(int(axis) % 4 for axis in axes) == [2, 3]
    if node.op_type == "AveragePool":
        return list(values.shape(node.input[0])[2:]) == list(attributes(node)["kernel_shape"])
    return False


def _pair(values: Sequence[int]) -> str:
    """`1` for [1, 1], `1x2` for [1, 2]."""
    return "x".join(map(str, values if len(set(values)) > 1 else values[:1]))
