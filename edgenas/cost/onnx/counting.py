"""Multiply-accumulates and weights of an ONNX node, from the full shapes of what it takes and gives."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

from edgenas.cost.network import Shape
from edgenas.cost.onnx.checks import ONNX_DOMAINS
from edgenas.cost.onnx.values import Values, attributes

CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "FusedConv": 1, "NhwcFusedConv": 1, "DeformConv": 1}
"""Operator -> which input holds its kernel, of the shape (outputs, inputs of a group, sides…)."""
PRODUCTS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3), "FusedMatMul": (0, 1), "Gemm": (0, 1),
            "FusedGemm": (0, 1), "QGemm": (0, 3), "MatMulIntegerToFloat": (0, 1), "DynamicQuantizeMatMul": (0, 1)}
"""Operator -> which inputs are multiplied."""
RECURRENT = ("LSTM", "GRU", "RNN")
UNCOUNTED = ("Attention", "DFT", "STFT", "Det", "LinearAttention", "CausalConvWithState")
"""Of ONNX's own operators, those that multiply and add up in ways that are not counted here."""
CHEAP = ("BiasGelu", "FastGelu", "Gelu", "QuickGelu", "BiasAdd", "BiasSoftmax", "LayerNormalization",
         "SkipLayerNormalization", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization", "GroupNorm",
         "QLinearAdd", "QLinearMul", "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearConcat",
         "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearReduceMean", "QLinearWhere",
         "RotaryEmbedding", "Inverse", "DynamicQuantizeLinear", "QuantizeLinear", "DequantizeLinear", "SkipGroupNorm",
         "EmbedLayerNormalization", "Trilu", "Unique", "CropAndResize", "GridSample", "Pad")
"""Of onnxruntime's own operators, those that work value by value."""
KEPT: dict[str, tuple[int, ...]] = {
    "BatchNormalization": (1, 2), "QLinearConv": (3, 8), "QLinearMatMul": (0, 3), "QGemm": (0, 3, 6),
    "ConvInteger": (0, 1), "MatMulInteger": (0, 1), "Resize": (), "Upsample": (), "Pad": (), "Clip": (), "OneHot": (),
    "NonMaxSuppression": (), "QuantizeLinear": (), "DequantizeLinear": (0,), **dict.fromkeys(RECURRENT, (1, 2, 3, 7))}
"""Operator -> which of its constant inputs are weights; of others, all that are no indices and more than a number."""
ANY_SIZE = ("PRelu", "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", *RECURRENT, *KEPT)


def macs(node: Any, values: Values) -> int | None:
    """Multiply-accumulates of one run; None where they cannot be counted.

    Raises: UsageError where a shape that they depend on is not fixed.
    """
    if node.op_type in CONVOLUTIONS:
        return _size(values, node.output[0]) * math.prod(values.shape(node.input[CONVOLUTIONS[node.op_type]])[1:])
    if node.op_type == "ConvTranspose":
        return _size(values, node.input[0]) * math.prod(values.shape(node.input[1])[1:])
    if node.op_type in PRODUCTS:
        return _product(node, values)
    if node.op_type in RECURRENT:
        return _recurrent(node, values)
    if node.op_type == "Einsum":
        return _einsum(node, values)
    known = node.op_type not in UNCOUNTED if node.domain in ONNX_DOMAINS else node.op_type in CHEAP
    return 0 if known else None


def weights(node: Any, values: Values) -> list[str]:
    """The constant inputs that a network learned."""
    kept = KEPT.get(node.op_type)
    names = [name for i, name in enumerate(node.input) if values.is_constant(name) and (kept is None or i in kept)]
    return [name for name in names if kept is not None or (
        not values.is_integer(name) and (node.op_type in ANY_SIZE or _size(values, name) > 1))]


def _product(node: Any, values: Values) -> int:
    first = values.shape(node.input[PRODUCTS[node.op_type][0]])
    given = attributes(node)
    transposed = given.get("transA", 0) and len(first) > 1
    return _size(values, node.output[0]) * first[-2 if transposed else -1]


def _recurrent(node: Any, values: Values) -> int:
    """W and R of shapes (directions, gates · hidden, inputs or hidden) meet each step of each sequence once."""
    steps = math.prod(values.shape(node.input[0])[:2])  # and sequences, in whatever layout
    return steps * sum(math.prod(values.shape(name)) for name in node.input[1:3])


def _einsum(node: Any, values: Values) -> int | None:
    """Of two operands that are summed over a common index; one operand, or a product value by value, has none."""
    equation = attributes(node)["equation"].decode().replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if len(terms) == 1:
        return 0
    if len(terms) > 2:
        return None
    spelled = [_spelled(term, values.shape(name)) for term, name in zip(terms, node.input, strict=True)]
    sizes: dict[str, int] = {}
    for labels, shape in spelled:
        for label, size in zip(labels, shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    often = Counter(label for label in left if label.isalpha())
    kept = set(re.sub(r"[^A-Za-z]", "", right)) if arrow else {label for label, n in often.items() if n == 1}
    summed = set(spelled[0][0]) & set(spelled[1][0]) - kept - {label for label in sizes if not label.isalpha()}
    return math.prod(sizes.values()) if summed else 0


def _spelled(term: str, shape: Shape) -> tuple[list[str], Shape]:
    """An operand's index for each of its dimensions; those of an ellipsis are numbered from its end."""
    before, dots, after = term.partition("...")
    inner = [str(i) for i in range(len(shape) - len(before) - len(after), 0, -1)] if dots else []
    return [*before, *inner, *after], shape


def _size(values: Values, name: str) -> int:
    return math.prod(values.shape(name))

