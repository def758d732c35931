"""ONNX models of lowered modules, with the operators and attributes that PyTorch's own exporter chooses."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np

from edgenas import __version__
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
    Shape,
)
from edgenas.export.onnx.graph import canonical

OPSET = 20
IR_VERSION = 10
KINDS = {"relu": "Relu", "hardswish": "HardSwish", "hardsigmoid": "HardSigmoid", "sigmoid": "Sigmoid"}


def content(lowered: Lowered) -> bytes:
    """An fp32 model of input `image` and output `logits`, in canonical form."""
    graph = Graph()
    for op in lowered.ops:
        graph.put(op)
    if not lowered.ops:
        graph.node("Identity", ["0"], "logits")
    return finished(graph, lowered, "0", str(lowered.output) if lowered.ops else "logits")


def finished(graph: Graph, lowered: Lowered, given: str, made: str) -> bytes:
    """The model of a graph from its value `given` to its value `made`."""
    import onnx
    main = onnx.helper.make_graph(graph.nodes, "main", [_value(given, lowered.shapes[0])],
                                  [_value(made, lowered.shapes[lowered.output])], graph.weights)
    model = canonical(onnx.helper.make_model(
        main, producer_name="edgenas", producer_version=__version__, ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)]))
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _value(name: str, shape: Shape) -> Any:
    import onnx
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


class Graph:
    """Nodes and weights; value 5 is called `5`, and before its fused activation `5.raw`."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._known: set[str] = set()

    def put(self, op: Op) -> None:
        self.operator(op, str(op.output))

    def operator(self, op: Op, output: str) -> None:
        """Its node, and another for an activation that is fused into it."""
        raw = f"{output}.raw" if op.activation else output
        self._put(op, [str(index) for index in op.inputs], raw)
        if op.activation:
            self._activate(op.activation, raw, output)

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        import onnx
        self.nodes.append(onnx.helper.make_node(kind, inputs, [output], **attributes))

    def weight(self, name: str, value: Any) -> str:
        """The name; a weight of one name is stored once."""
        import onnx
        if name not in self._known:
            self._known.add(name)
            self.weights.append(onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    @singledispatchmethod
    def _put(self, op: Op, inputs: list[str], output: str) -> None:
        raise NotImplementedError(type(op).__name__)

    @_put.register
    def _(self, op: Conv, inputs: list[str], output: str) -> None:
        self.node("Conv", [*inputs, *self._weights(op)], output, auto_pad="NOTSET", dilations=op.dilation,
                  group=op.groups, kernel_shape=op.kernel, pads=_pads(op.padding), strides=op.stride)

    @_put.register
    def _(self, op: Linear, inputs: list[str], output: str) -> None:
        self.node("Gemm", [*inputs, *self._weights(op)], output, alpha=1.0, beta=1.0, transA=0, transB=1)

    @_put.register
    def _(self, op: Activation, inputs: list[str], output: str) -> None:
        self._activate(op.kind, inputs[0], output)

    @_put.register
    def _(self, op: Add, inputs: list[str], output: str) -> None:
        self.node("Add", inputs, output)

    @_put.register
    def _(self, op: Mul, inputs: list[str], output: str) -> None:
        self.node("Mul", inputs, output)

    @_put.register
    def _(self, op: Constant, inputs: list[str], output: str) -> None:
        self.node(op.kind.capitalize(), [*inputs, self._number(op, f"{output}.number")], output)

    @_put.register
    def _(self, op: Concat, inputs: list[str], output: str) -> None:
        self.node("Concat", inputs, output, axis=1)

    @_put.register
    def _(self, op: Mean, inputs: list[str], output: str) -> None:
        axes = self.weight(f"{output}.axes", np.array([-1, -2], np.int64))
        self.node("ReduceMean", [*inputs, axes], output, keepdims=int(op.keep), noop_with_empty_axes=0)

    @_put.register
    def _(self, op: Pool, inputs: list[str], output: str) -> None:
        own = {"count_include_pad": int(op.counts_padding)} if op.kind == "avg" else {
            "dilations": (1, 1), "storage_order": 0}
        self.node("AveragePool" if op.kind == "avg" else "MaxPool", inputs, output, auto_pad="NOTSET", ceil_mode=0,
                  kernel_shape=op.kernel, pads=_pads(op.padding), strides=op.stride, **own)

    @_put.register
    def _(self, op: Pad, inputs: list[str], output: str) -> None:
        sides = self.weight(f"{output}.sides", np.array([0, 0, *_pads(op.sides)[:2], 0, 0, *_pads(op.sides)[2:]]))
        self.node("Pad", [*inputs, sides, self.weight(f"{output}.fill", np.float32(op.value))], output)

    @_put.register
    def _(self, op: Reshape, inputs: list[str], output: str) -> None:
        if op.channels_last:
            self.node("Transpose", inputs, f"{output}.last", perm=(0, 2, 3, 1))
            inputs = [f"{output}.last"]
        shape = self.weight(f"{output}.shape", np.array(op.shape, np.int64))
        self.node("Reshape", [*inputs, shape], output, allowzero=1)

    def _number(self, op: Constant, name: str) -> str:
        return self.weight(name, np.float32(op.value))

    def _weights(self, op: Conv | Linear) -> list[str]:
        names = [self.weight(f"{op.output}.weight", op.weight)]
        return names if op.bias is None else [*names, self.weight(f"{op.output}.bias", op.bias)]

    def _activate(self, kind: str, value: str, output: str) -> None:
        if kind == "relu6":
            limits = [self.weight(f"clip.{limit}", np.float32(limit)) for limit in (0, 6)]
            self.node("Clip", [value, *limits], output)
        elif kind in ("gelu", "gelu_tanh"):
            self.node("Gelu", [value], output, approximate="tanh" if kind == "gelu_tanh" else "none")
        elif kind == "hardsigmoid":
            self.node("HardSigmoid", [value], output, alpha=1 / 6, beta=0.5)
        else:
            self.node(KINDS[kind], [value], output)


def _pads(sides: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    top, bottom, left, right = sides
    return top, left, bottom, right
