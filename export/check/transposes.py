"""Transposes in exported files, and those that a network asks for itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.fx import GraphModule, Node

from edgenas.export.check.values import graph_of
from edgenas.export.extras import import_extra

LAYOUT = ((0, 2, 3, 1), (0, 3, 1, 2))
"""From NCHW to NHWC and back."""

PERMUTING = {"permute", "transpose", "t", "numpy_T", "movedim", "swapaxes", "swapdims", "mT", "adjoint", "moveaxis",
             "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "scaled_dot_product_attention", "einsum", "unfold",
             "im2col", "col2im", "multi_head_attention_forward"}
RESHAPING = {"reshape", "view", "flatten", "unflatten", "_unsafe_view", "squeeze", "pixel_shuffle", "pixel_unshuffle",
             "channel_shuffle", "im2col", "col2im"}

GROUPING = {"group_norm": 2, "instance_norm": 2}
"""Reshapes of a map within an operator: into groups of channels and back."""


@dataclass(frozen=True)
class Transpose:
    """One in a file: its name there, the order of axes that it makes, and the operators around it."""

    name: str
    axes: tuple[int, ...]
    between: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.name} {list(self.axes)} between {self.between[0]} and {self.between[1]}"


@dataclass(frozen=True)
class Wanted:
    """What a network asks for itself.

    permutes: operators that reorder axes. layouts: changes between NCHW and NHWC: its own, and, for a format that
    computes in NHWC, one for each reshape of a map, as that takes the elements in PyTorch's order.
    """

    permutes: int
    layouts: int


def residual(found: list[Transpose], wanted: Wanted) -> list[Transpose]:
    """Those of a file's transposes that the network does not ask for.

    Runtimes and exporters may split and merge what a network asks for, so only changes of layout are counted, unless
    it asks for nothing.
    """
    if not wanted.permutes and not wanted.layouts:
        return found
    return [transpose for transpose in found if transpose.axes in LAYOUT][wanted.layouts:]


def wanted_by(module: nn.Module, example: Tensor, *, channels_last: bool) -> Wanted:
    graph = graph_of(module, example)
    computed = _computed(graph)
    nodes = [node for node in graph.graph.nodes if node in computed]
    permutes = [node for node in nodes if _operator(node) in PERMUTING]
    layouts = sum(_axes(node) in LAYOUT for node in permutes)
    reshapes = sum(_mixes(node) + GROUPING.get(_operator(node), 0) for node in nodes) if channels_last else 0
    return Wanted(len(permutes), layouts + reshapes)


def transposes_in_onnx(path: Path) -> list[Transpose]:
    """In an ONNX file, in its order."""
    graph = import_extra("onnx", "onnx").load_model(path, load_external_data=False).graph
    makers = {value: node.name for node in graph.node for value in node.output}
    users = {value: node.name for node in graph.node for value in node.input}
    return [Transpose(node.name, tuple(int(axis) for attribute in node.attribute for axis in attribute.ints),
                      (makers.get(node.input[0], node.input[0]), users.get(node.output[0], node.output[0])))
            for node in graph.node if node.op_type == "Transpose"]


def transposes_in_tflite(path: Path) -> list[Transpose]:
    """In a TFLite file, in its order."""
    import numpy as np

    from edgenas.export.tflite.graph import code_name
    model = import_extra("ai_edge_litert.schema_py_generated", "tflite").ModelT.InitFromPackedBuf(path.read_bytes())
    graph = model.subgraphs[0]
    named = [(operator, f"{code_name(model.operatorCodes[operator.opcodeIndex]).lower()}_{position}")
             for position, operator in enumerate(graph.operators or ())]
    makers = {tensor: name for operator, name in named for tensor in operator.outputs}
    users = {tensor: name for operator, name in named for tensor in operator.inputs}
    found = []
    for operator, name in named:
        if name.startswith("transpose_") and len(operator.inputs) == 2:
            axes = np.frombuffer(bytes(model.buffers[graph.tensors[operator.inputs[1]].buffer].data), np.int32)
            found.append(Transpose(name, tuple(int(axis) for axis in axes), (
                makers.get(operator.inputs[0], "the input"), users.get(operator.outputs[0], "the output"))))
    return found


def _computed(graph: GraphModule) -> set[Node]:
    """What depends on the input: an operator on weights alone is computed once, by the exporter."""
    found = set(graph.graph.find_nodes(op="placeholder"))
    for node in graph.graph.nodes:
        if found.intersection(node.all_input_nodes):
            found.add(node)
    return found


def _operator(node: Node) -> str:
    return str(getattr(node.target, "_opname", ""))


def _axes(node: Node) -> tuple[int, ...]:
    axes: Any = node.args[1] if _operator(node) == "permute" and _rank(node) == 4 else ()
    return tuple(axis % 4 for axis in axes)


def _mixes(node: Node) -> bool:
    """Whether it reshapes a map whose channels and pixels are both several, so that their order matters."""
    if _operator(node) not in RESHAPING:
        return False
    shapes = _shape(node.all_input_nodes[0]), _shape(node)
    return shapes[0] != shapes[1] and any(
        len(shape) == 4 and shape[1] > 1 and shape[2] * shape[3] > 1 for shape in shapes)


def _rank(node: Node) -> int:
    return len(_shape(node))


def _shape(node: Node) -> tuple[Any, ...]:
    return tuple(getattr(node.meta.get("val"), "shape", ()))
