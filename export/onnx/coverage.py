"""What of an ONNX file is int8: operators between a DequantizeLinear and a QuantizeLinear, and integer weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from edgenas.export.check.coverage import Coverage, Operator, covered
from edgenas.export.extras import import_extra

QUANTISING = {"QuantizeLinear", "DequantizeLinear"}
MOVING = {"Cast", "Concat", "Constant", "ConstantOfShape", "DepthToSpace", "Expand", "Flatten", "Gather",
          "GatherElements", "GatherND", "Identity", "Pad", "Reshape", "Shape", "Slice", "SpaceToDepth", "Split",
          "Squeeze", "Tile", "Transpose", "Unsqueeze"}
LIMITING = {"Relu", "Clip"}
RECURRENT = {"LSTM", "GRU", "RNN"}
WEIGHED = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"} | RECURRENT
"""Operators whose constant inputs are weights to multiply with; elsewhere they are bounds, exponents and the like."""
BIAS = {"Conv": 2, "ConvTranspose": 2, "Gemm": 2} | dict.fromkeys(RECURRENT, 3)
"""Position of the input from which on an operator's inputs are biases and states."""

Shapes = Mapping[str, tuple[int, ...]]


def onnx_coverage(content: bytes) -> Coverage:
    """Of a model of static shapes."""
    onnx = import_extra("onnx", "onnx")
    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(content), data_prop=True)
    graph, float32 = model.graph, onnx.TensorProto.FLOAT
    weights = {weight.name: weight for weight in graph.initializer}
    values = [*graph.input, *graph.output, *graph.value_info]
    shapes = {value.name: tuple(size.dim_value for size in value.type.tensor_type.shape.dim) for value in values}
    shapes |= {name: tuple(weight.dims) for name, weight in weights.items()}
    real = {value.name for value in values if value.type.tensor_type.elem_type == float32}
    plain = {name for name, weight in weights.items() if weight.data_type == float32}
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    rounded = _rounded(graph, real, dequantised)

    def operator(node: Any) -> Operator:
        name, last = node.op_type, BIAS.get(node.op_type, len(node.input))
        given = {value for value in node.input[:last] if value in real | plain}
        entered = bool(given & (dequantised | rounded)) and (
            given <= dequantised | rounded | (set() if name in WEIGHED else plain))
        left = all(value in rounded for value in node.output if value in real)
        return Operator(name, entered and left, macs(node, shapes), name in MOVING)

    return covered((operator(node) for node in graph.node if node.op_type not in QUANTISING
                    and real & {*node.input, *node.output}), _bytes(graph, plain))


def _rounded(graph: Any, real: set[str], dequantised: set[str]) -> set[str]:
    """Values that are rounded as soon as they are there, or after a limit that the rounding itself can keep."""
    found: set[str] = set()
    for node in reversed(graph.node):  # users come after makers
        if node.op_type == "QuantizeLinear" or node.op_type in LIMITING and node.output[0] in found:
            found.add(node.input[0])
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        if node.op_type != "QuantizeLinear" and not (node.op_type in LIMITING and node.output[0] in found):
            found -= set(node.input)
    return (found - outputs) & (real - dequantised)


def _bytes(graph: Any, plain: set[str]) -> dict[bool, int]:
    """Bytes of the weights that are int8, with their biases, and of those in float32; scales are neither."""
    from onnx import numpy_helper
    users: dict[str, list[tuple[str, int]]] = {}
    for node in graph.node:
        for position, value in enumerate(node.input):
            users.setdefault(value, []).append((node.op_type, position))
    found = {True: 0, False: 0}
    for weight in graph.initializer:
        used = users.get(weight.name, [])
        if used and all(name in QUANTISING and position > 0 for name, position in used):
            continue
        rounded = any(name == "DequantizeLinear" for name, _ in used)
        if rounded or weight.name in plain:
            found[rounded] += numpy_helper.to_array(weight).nbytes
    return found


def macs(node: Any, shapes: Shapes) -> int:
    """Multiply-accumulates of a node; 0 of an operator that has none."""
    given, made = [shapes.get(value, ()) for value in node.input], [shapes.get(value, ()) for value in node.output]
    name = node.op_type
    if name == "Conv":
        return math.prod(made[0]) * math.prod(given[1][1:])
    if name == "ConvTranspose":
        return math.prod(given[0]) * math.prod(given[1][1:])
    if name == "MatMul":
        return math.prod(made[0]) * given[0][-1]
    if name == "Gemm":
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return math.prod(made[0]) * given[0][0 if transposed else 1]
    if name in RECURRENT:
        return given[0][0] * given[0][1] * (math.prod(given[1]) + math.prod(given[2]))
    if name == "Einsum":
        equation = next(attribute.s.decode() for attribute in node.attribute if attribute.name == "equation")
        return _einsum(equation, given)
    return 0


def _einsum(equation: str, given: list[tuple[int, ...]]) -> int:
    """One for each combination of all its indices."""
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    sizes = {index: size for term, shape in zip(terms, given, strict=True)
             for index, size in zip(term[::-1], shape[::-1], strict=False) if index != "."}
    return math.prod(sizes.values())
