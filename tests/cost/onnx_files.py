"""Small ONNX models, and what is read of them without a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from edgenas.cost.onnx.network import Named, network_of
from edgenas.cost.onnx.worker import plain

FLOAT = TensorProto.FLOAT


def weight(name: str, *shape: int, dtype: Any = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.ones(shape, dtype), name)


def numbers(name: str, *values: float, dtype: Any = np.int64) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype), name)


def number(name: str, value: float, dtype: Any = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.array(value, dtype), name)


def model(nodes: Sequence[NodeProto], constants: Sequence[TensorProto] = (), shape: Sequence[Any] = (1, 3, 16, 16), *,
          opset: int = 17, kind: int = FLOAT, domains: Sequence[str] = (),
          functions: Sequence[onnx.FunctionProto] = ()) -> onnx.ModelProto:
    """From the input `x` to the output `y`, whose shape it leaves out."""
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", kind, shape)],
                              [helper.make_tensor_value_info("y", kind, None)], list(constants))
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if opset > 18 else 8, functions=list(functions))


def read(of: onnx.ModelProto, path: Path = Path("net.onnx")) -> Named:
    """What `read_onnx` reads of it."""
    with tempfile.TemporaryDirectory() as folder:
        return network_of(plain(of, path, Path(folder)), path)


def counted(nodes: Sequence[NodeProto], constants: Sequence[TensorProto] = (), **options: Any) -> tuple[int, int]:
    """Multiply-accumulates and weights."""
    found = read(model(nodes, constants, **options))
    assert found.not_counted == ()
    return found.network.macs, found.params
