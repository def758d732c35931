"""ONNX graphs in canonical form: named and ordered by structure alone, without traces of their making."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any


def canonical(model: Any) -> Any:
    """A checked copy of an onnx.ModelProto of one input and one output, called `image` and `logits`.

    Nodes come in depth-first order from the output, named `<operator>_<position>`; a node's output bears its
    name, a weight that of its first user with the position of the input. What was recorded about the export
    (stack traces, module names) is left out.

    Raises: ValueError naming the operator for a graph with subgraphs; onnx.checker.ValidationError;
    onnx.shape_inference.InferenceError.
    """
    import onnx
    nodes = {f"{node.op_type.lower()}_{position}": node for position, node in enumerate(_ordered(model.graph))}
    weights = {weight.name: weight for weight in model.graph.initializer}
    names = _names(model.graph, nodes, weights)
    graph = onnx.helper.make_graph(
        [_node(name, node, names) for name, node in nodes.items()], "main",
        [_value(model.graph.input[0], "image")], [_value(model.graph.output[0], "logits")],
        [_weight(weights[value], name) for value, name in names.items() if value in weights],
    )
    result = onnx.helper.make_model(graph, producer_name=model.producer_name, ir_version=model.ir_version,
                                    producer_version=model.producer_version, opset_imports=model.opset_import)
    result = onnx.shape_inference.infer_shapes(result, check_type=True, strict_mode=True, data_prop=True)
    onnx.checker.check_model(result, full_check=True)
    return result


def _names(graph: Any, nodes: dict[str, Any], weights: Container[str]) -> dict[str, str]:
    """The new name of every value, in the order of first use."""
    names = {"": "", graph.input[0].name: "image"}
    for name, node in nodes.items():
        for index, value in enumerate(node.input):
            if value in weights:
                names.setdefault(value, f"{name}.{index}")
        for index, value in enumerate(node.output):
            names.setdefault(value, f"{name}.out{index}" if index else name)
    names[graph.output[0].name] = "logits"
    return names


def _ordered(graph: Any) -> Iterator[Any]:
    """Nodes that the output needs, inputs before users, in an order that depends on the graph's structure only."""
    makers = {value: node for node in graph.node for value in node.output if value}
    seen: set[int] = set()
    stack = [(makers[graph.output[0].name], False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(makers[value], False) for value in reversed(node.input) if value in makers]


def _node(name: str, node: Any, names: dict[str, str]) -> Any:
    import onnx
    if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
        raise ValueError(f"operator {node.op_type} holds a graph of its own")
    result = onnx.helper.make_node(node.op_type, [names[value] for value in node.input],
                                   [names[value] for value in node.output], name=name, domain=node.domain)
    result.attribute.extend(sorted(node.attribute, key=lambda attribute: str(attribute.name)))
    for attribute in result.attribute:
        attribute.ClearField("doc_string")
    return result


def _value(value: Any, name: str) -> Any:
    import onnx
    kind = value.type.tensor_type
    return onnx.helper.make_tensor_value_info(name, kind.elem_type, [size.dim_value for size in kind.shape.dim])


def _weight(weight: Any, name: str) -> Any:
    import onnx
    return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight), name)
