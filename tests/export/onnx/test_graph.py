from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgenas.export.onnx.graph import canonical


def model(order: tuple[int, ...], prefix: str) -> onnx.ModelProto:
    """logits = (relu(image) + w) * (w - relu(image)), with nodes, weights and names in any order."""
    p = prefix
    nodes = [
        helper.make_node("Relu", ["in"], [p + "r"], name=p + "1", doc_string="trace"),
        helper.make_node("Add", [p + "r", p + "w"], [p + "a"], name=p + "2"),
        helper.make_node("Sub", [p + "v", p + "r"], [p + "s"], name=p + "3"),
        helper.make_node("Mul", [p + "a", p + "s"], ["out"], name=p + "4"),
        helper.make_node("Neg", [p + "r"], [p + "unused"], name=p + "5"),
    ]
    weights = [numpy_helper.from_array(np.full(3, value, np.float32), p + name)
               for name, value in (("w", 1), ("v", 2), ("dead", 3))]
    graph = helper.make_graph(
        [nodes[index] for index in order], p + "graph",
        [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3])],
        [weights[index % 3] for index in order[:3]] if set(i % 3 for i in order[:3]) == {0, 1, 2} else weights,
        doc_string="trace",
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(made, {"path": "/home/someone"})
    return made


def test_names_and_order_follow_the_structure_alone() -> None:
    orders = [order for order in itertools.permutations(range(5)) if order.index(0) < order.index(1)]
    results = {canonical(model(order, f"p{k}_")).SerializeToString(deterministic=True)
               for k, order in enumerate(orders[:20])}
    assert len(results) == 1


def test_only_what_the_output_needs_is_kept() -> None:
    graph = canonical(model((0, 1, 2, 3, 4), "x")).graph
    assert [node.name for node in graph.node] == ["relu_0", "add_1", "sub_2", "mul_3"]
    assert [value.name for value in graph.value_info] == ["relu_0", "add_1", "sub_2"]
    assert [weight.name for weight in graph.initializer] == ["add_1.1", "sub_2.0"]
    assert (graph.input[0].name, graph.output[0].name) == ("image", "logits")


def test_a_branch_is_refused_by_operator() -> None:
    branch = helper.make_graph([helper.make_node("Identity", ["in"], ["b"])], "branch", [],
                               [helper.make_tensor_value_info("b", TensorProto.FLOAT, [1])])
    graph = helper.make_graph(
        [helper.make_node("If", ["in"], ["out"], then_branch=branch, else_branch=branch)], "graph",
        [helper.make_tensor_value_info("in", TensorProto.BOOL, [1])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])])
    with pytest.raises(ValueError, match="operator If"):
        canonical(helper.make_model(graph))


def test_a_graph_that_is_not_valid_is_refused() -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["in"], ["out"], extra=1)], "graph",
                              [helper.make_tensor_value_info("in", TensorProto.FLOAT, [1])],
                              [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1])])
    with pytest.raises(onnx.checker.ValidationError, match="extra"):
        canonical(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]))
