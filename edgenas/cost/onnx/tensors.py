"""The constants of an ONNX model: which are known by their shapes alone, and of what types the file is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgenas.cost.onnx.checks import every_node, first_output, graphs
from edgenas.errors import FileError, UsageError
from edgenas.files import open_bounded
from edgenas.text import quoted

KEPT = 256 << 20
"""Bytes of the constants that keep their contents, smallest first, so that a runtime can compute from them."""
SMALL = 64
"""Elements; of no more are the contents kept (bounds, axes, sizes)."""
LARGEST_DATA = 1 << 40
"""Bytes of a file of weights; only its small constants are read."""
FLOATS = {"FLOAT": "fp32", "FLOAT16": "fp16", "DOUBLE": "fp64", "BFLOAT16": "bf16"}
FLOATING = (1, 10, 11, 16)
"""Their numbers in a file."""
QUANTISED = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"}
QUANTISED_STARTS = ("QLinear", "QGemm", "QAttention", "DynamicQuantize", "MatMulNBits", "MatMulInteger", "QEmbed",
                    "QMoE", "QOrdered")

Tensor = Any


def load_small(model: Any, path: Path) -> None:
    """Read the small constants that lie in other files beside `path`; large ones need no contents, nor do weights.

    Raises: UsageError for a constant elsewhere that no shape can stand for, or whose file lies outside the folder.
    """
    for tensor in model.graph.initializer:
        if _is_elsewhere(tensor) and math.prod(tensor.dims) <= SMALL:
            try:
                _load(tensor, path)
            except FileError:
                if tensor.data_type not in FLOATING:
                    raise
    for owner, tensor in _inner(model):
        if _is_elsewhere(tensor):
            raise UsageError(f"{path} keeps a constant of {owner} in another file, which is not read",
                             "export it with its data inside: external_data=False")


def as_inputs(model: Any, names: set[str]) -> None:
    """Make inputs of the constants of these names, in place: an optimiser knows their shapes alone."""
    from onnx import helper
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in names]
    moved = [tensor for tensor in model.graph.initializer if tensor.name in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    model.graph.input.extend(helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in moved)


def as_shapes(model: Any, weights: set[str]) -> None:
    """Make constants without contents of the inputs of these names, in place."""
    inputs = list(model.graph.input)
    del model.graph.input[:]
    for item in inputs:
        if item.name not in weights:
            model.graph.input.append(item)
            continue
        kind = item.type.tensor_type
        model.graph.initializer.add(name=item.name, data_type=kind.elem_type,
                                    dims=[d.dim_value for d in kind.shape.dim])


def without_defaults(model: Any) -> None:
    """Constants that are also inputs are constants: nothing else is given for them. In place."""
    constants = {tensor.name for tensor in model.graph.initializer}
    constants |= {tensor.values.name for tensor in model.graph.sparse_initializer}
    inputs = [item for item in model.graph.input if item.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 4)


def large(model: Any) -> set[str]:
    """The names of constants that are known by their shapes alone: those in other files, and the largest."""
    found, total = set(), 0
    for tensor in sorted(model.graph.initializer, key=lambda tensor: int(tensor.ByteSize())):
        total += tensor.ByteSize()
        if _is_elsewhere(tensor) or total > KEPT:
            found.add(tensor.name)
    return found


def not_small(model: Any) -> set[str]:
    """The names of constants whose contents nobody needs any more."""
    return {tensor.name for tensor in model.graph.initializer if math.prod(tensor.dims) > SMALL}


def types(model: Any) -> set[str]:
    """Of what types its floating-point values are: fp32, fp16, fp64, bf16; and int8 where it is quantised."""
    from onnx import TensorProto
    known = {getattr(TensorProto, name): short for name, short in FLOATS.items()}
    numbers = [item.type.tensor_type.elem_type for item in model.graph.input]
    numbers += [t.data_type for t in model.graph.initializer] + [t.data_type for _, t in _inner(model)
                                                                 if math.prod(t.dims) > 1]
    return {known[number] for number in numbers if number in known} | (
        {"int8"} if any(is_quantised(node) for node in every_node(model)) else set())


def cast_types(model: Any) -> set[str]:
    """Types other than fp32 to which values are brought; a runtime that lacks the others inserts casts to that."""
    from onnx import TensorProto
    targets = {attribute.i for node in model.graph.node if node.op_type == "Cast" for attribute in node.attribute
               if attribute.name == "to"}
    return {short for name, short in FLOATS.items() if name != "FLOAT" and getattr(TensorProto, name) in targets}


def is_quantised(node: Any) -> bool:
    return node.op_type in QUANTISED or node.op_type.startswith(QUANTISED_STARTS)


def _inner(model: Any) -> Iterator[tuple[str, Tensor]]:
    """Tensors in attributes and inner graphs, and what they are of."""
    for node in every_node(model):
        for attribute in node.attribute:
            for tensor in (*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])):
                yield f"node {quoted(node.name or first_output(node))}", tensor
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for graph in graphs(nodes):
            for tensor in graph.initializer:
                yield f"graph {quoted(graph.name)}", tensor


def _is_elsewhere(tensor: Tensor) -> bool:
    return bool(tensor.data_location == tensor.EXTERNAL)


def _load(tensor: Tensor, path: Path) -> None:
    said = {entry.key: entry.value for entry in tensor.external_data}
    folder = path.parent.resolve()
    place = Path(folder, said.get("location", ""))
    if not place.resolve().is_relative_to(folder):
        raise UsageError(f"{path} keeps the constant {quoted(tensor.name)} outside its folder, in {quoted(str(place))}",
                         "put the files of a network into one folder")
    try:
        offset, length = int(said.get("offset", 0)), int(said.get("length", 16 * SMALL))
    except ValueError:
        offset, length = 0, -1
    if not 0 <= offset <= LARGEST_DATA or not 0 <= length <= 16 * SMALL:
        raise FileError(f"{path} says of the constant {quoted(tensor.name)} that it has {quoted(said)}",
                        "export it again")
    with open_bounded(place, LARGEST_DATA) as stream:
        stream.seek(offset)
        tensor.raw_data = stream.read(length)
    tensor.data_location = tensor.DEFAULT
    del tensor.external_data[:]
