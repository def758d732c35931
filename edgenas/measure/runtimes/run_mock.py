"""A runtime without hardware: exact, made-up latencies of ONNX files. Stands alone: numpy, onnx, onnxruntime.

No time is measured. A virtual clock moves on with each run by

    0.02 ms  +  0.004 ms per node (Constant, Identity and (De)QuantizeLinear are free)  +  MACs / 2e9 s

with the multiply-accumulates (MACs) of Conv, Gemm and MatMul; of those in int8, 4e9 a second.
Predictions are onnxruntime's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

FORMAT = "onnx"
SUFFIX = ".onnx"
EXTRA = "onnx"
PRECISIONS = ("fp32", "int8", "mixed")
CALL_S = 20e-6
NODE_S = 4e-6
MACS_PER_S = 2e9
FREE = ("Constant", "Identity", "QuantizeLinear", "DequantizeLinear")
INT8_SPEED = 2

_now_s = 0.0


def clock() -> float:
    """The virtual time in seconds."""
    return _now_s


def version() -> str:
    """The version of the formula."""
    import onnx  # noqa: F401  (it is missing now rather than at the first artifact)
    return "1"


class Session:
    def __init__(self, path: str, threads: int) -> None:
        import onnx
        model = onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)
        graph = model.graph
        shapes = {item.name: _shape(item) for item in (*graph.input, *graph.value_info, *graph.output)}
        weights = {item.name: list(item.dims) for item in graph.initializer}
        self.inputs = [_signature(item) for item in graph.input if item.name not in weights]
        self.outputs = [_signature(item) for item in graph.output]
        nodes = [node for node in graph.node if node.op_type not in FREE]
        int8 = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
        macs = sum(_macs(node, {**shapes, **weights}) / (INT8_SPEED if int8.issuperset(node.input[:2]) else 1)
                   for node in nodes)
        self._step_s = CALL_S + NODE_S * len(nodes) + macs / MACS_PER_S
        self._path, self._threads = path, threads
        self._predictor: Any = None

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        import onnxruntime
        if self._predictor is None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._threads
            self._predictor = onnxruntime.InferenceSession(self._path, options, providers=["CPUExecutionProvider"])
        named = {name: arrays[index] for index, (name, _, _) in enumerate(self.inputs)}
        return list(self._predictor.run(None, named))

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Nothing to do: no input changes the time."""

    def invoke(self) -> None:
        global _now_s
        _now_s += self._step_s


def _macs(node: Any, shapes: dict[str, list[int]]) -> int:
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        return 0
    first, second, output = (_known(shapes, name) for name in (node.input[0], node.input[1], node.output[0]))
    if node.op_type == "Conv":
        return math.prod(output) * math.prod(second[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(output) * (first[0] if transposed else first[-1])


def _known(shapes: dict[str, list[int]], name: str) -> list[int]:
    shape = shapes.get(name)
    if shape is None or 0 in shape:
        raise ValueError(f"the shape of {name!r} is not known")
    return shape


def _shape(item: Any) -> list[int]:
    return [dim.dim_value for dim in item.type.tensor_type.shape.dim]


def _signature(item: Any) -> tuple[str, list[int], str]:
    import onnx
    shape = _shape(item)
    if 0 in shape:
        raise ValueError(f"the shape {shape} of {item.name!r} is not fixed")
    return item.name, shape, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type)).name
