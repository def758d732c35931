"""ONNX models of lowered modules, with the operators and attributes that PyTorch's own exporter chooses."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any

import numpy as np

from edgenas import __version__

from .onnx_graph import canonical
from .ops import Activation, Add, Concat, Constant, Conv, Linear, Lowered, Mean, Mul, Op, Pool, Reshape, Shape

OPSET = 20
IR_VERSION = 10
KINDS = {"relu": "Relu", "hardswish": "HardSwish", "hardsigmoid": "HardSigmoid", "sigmoid": "Sigmoid"}


def model(lowered: Lowered) -> Any:
    """An onnx.ModelProto in canonical form: input `image`, output `logits`."""
    import onnx
    graph = _Graph()
    for op in lowered.ops:
        graph.put(op)
    if not lowered.ops:
        graph.node("Identity", ["0"], "logits")
    made = onnx.helper.make_graph(
        graph.nodes, "main", [_value("0", lowered.shapes[0])],
        [_value(str(lowered.output) if lowered.ops else "logits", lowered.shapes[lowered.output])], graph.weights)
    return canonical(onnx.helper.make_model(
        made, producer_name="edgenas", producer_version=__version__, ir_version=IR_VERSION,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)]))


def content(lowered: Lowered) -> bytes:
    made: bytes = model(lowered).SerializeToString(deterministic=True)
    return made


def _value(name: str, shape: Shape) -> Any:
    import onnx
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


class _Graph:
    """Nodes and weights; value 5 is called `5`, and before its fused activation `5.raw`."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._known: set[str] = set()

    def put(self, op: Op) -> None:
        output = f"{op.output}.raw" if op.activation else str(op.output)
        self._put(op, [str(index) for index in op.inputs], output)
        if op.activation:
            self._activate(op.activation, output, str(op.output))

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
        self.node(op.kind.capitalize(), [*inputs, self.weight(f"{output}.number", np.float32(op.value))], output)

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
    def _(self, op: Reshape, inputs: list[str], output: str) -> None:
        shape = self.weight(f"{output}.shape", np.array(op.shape, np.int64))
        self.node("Reshape", [*inputs, shape], output, allowzero=1)

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
