"""What a plain ONNX model tells of its values: full shapes, which are constants, and the contents of small ones."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from edgenas.cost.network import Shape
from edgenas.cost.onnx.checks import first_output
from edgenas.errors import UsageError
from edgenas.text import quoted

MOST_ELEMENTS = 1 << 40
"""Of one value; no device holds more."""
SAME = ("Cast", "Identity", "Squeeze", "Unsqueeze")
"""What leaves the numbers of a small constant as they are."""
CONTROL = ("If", "Loop", "Scan", "SequenceMap")
FIXED = "export it with fixed shapes and a batch of 1"
NO_CONTROL = "a prediction takes a network whose every step is known beforehand: export it without that operator"


class Values:
    """shapes: full ones, batch and all, of the values where they are fixed. constants: their names; what is computed
    from constants alone is one too. origin: of a constant, the initialiser that it is made of.
    """

    def __init__(self, graph: Any, path: Path) -> None:
        self.path = path
        self.shapes: dict[str, Shape] = {}
        for item in (*graph.output, *graph.input, *graph.value_info):
            dims = item.type.tensor_type.shape.dim
            fixed = all(d.HasField("dim_value") for d in dims)
            if item.type.tensor_type.HasField("shape") and fixed:
                self.shapes[item.name] = tuple(d.dim_value for d in dims)
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        self.origin = {name: name for name in self._tensors}
        self._integers = {name for name, tensor in self._tensors.items() if tensor.data_type in _integer_types()}
        self.shapes |= {name: tuple(tensor.dims) for name, tensor in self._tensors.items()}
        for sparse in graph.sparse_initializer:
            self.origin[sparse.values.name] = sparse.values.name
            self.shapes[sparse.values.name] = tuple(sparse.dims)
        self._makers = {name: node for node in graph.node for name in node.output}

    def is_constant(self, name: str) -> bool:
        return name in self.origin

    def derive(self, node: Any) -> None:
        """Take the outputs of a node of constants for constants."""
        source = next((name for name in node.input if name), "")
        self.origin.update({name: self.origin.get(source, name) for name in node.output if name})
        if source in self._integers and node.op_type not in ("Cast", "DequantizeLinear"):
            self._integers.update(node.output)
        if node.op_type in SAME and source in self._tensors:
            self._tensors[node.output[0]] = self._tensors[source]

    def shape(self, name: str) -> Shape:
        """The full shape. Raises: UsageError naming the operator that makes it unknown, or too large."""
        if name not in self.shapes or min(self.shapes[name], default=0) < 0:
            raise self._unknown(name)
        if math.prod(self.shapes[name]) > MOST_ELEMENTS:
            raise UsageError(f"the value {quoted(name)} of {self.path} has the shape "
                             f"{quoted(list(self.shapes[name]))}, more than any memory holds", FIXED)
        return self.shapes[name]

    def contents(self, name: str) -> Any:
        """The array of a small constant, None where it is not known."""
        from onnx import numpy_helper
        tensor = self._tensors.get(name)
        if tensor is None or (math.prod(tensor.dims) and not _has_contents(tensor)):
            return None
        return numpy_helper.to_array(tensor)

    def scalar(self, name: str) -> float | None:
        """The number that a constant of one element is."""
        found = self.contents(name) if name in self._tensors else None
        return float(found.reshape(-1)[0]) if found is not None and found.size == 1 else None

    def is_integer(self, name: str) -> bool:
        """Whether a constant holds what indices, sizes and flags are of."""
        return name in self._integers

    def _unknown(self, name: str) -> UsageError:
        """The first operator, back from `name`, whose result is unknown though what it takes is known."""
        while name in self._makers:
            node = self._makers[name]
            earlier = next((n for n in node.input if n and n not in self.shapes and n in self._makers), None)
            if earlier is None:
                return UsageError(f"the size of what {title(node)} of {self.path} gives is not known before it runs",
                                  NO_CONTROL)
            name = earlier
        return UsageError(f"the shape of {quoted(name)} in {self.path} is not fixed", FIXED)


def _integer_types() -> tuple[int, ...]:
    from onnx import TensorProto
    return TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL


def _has_contents(tensor: Any) -> bool:
    return bool(tensor.raw_data or tensor.float_data or tensor.int32_data or tensor.int64_data or tensor.double_data
                or tensor.uint64_data)


def check_control(graph: Any, path: Path) -> None:
    """Raises: UsageError naming the first operator that decides while it runs what is computed."""
    for node in graph.node:
        if node.op_type in CONTROL:
            raise UsageError(f"{title(node)} of {path} decides while it runs what is computed, or how often",
                             NO_CONTROL)


def title(node: Any) -> str:
    return f"the operator {node.op_type} ({quoted(node.name or first_output(node))})"


def attributes(node: Any) -> dict[str, Any]:
    from onnx import helper
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
