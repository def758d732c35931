from __future__ import annotations

import math

import numpy as np
from onnx import NodeProto, TensorProto, helper

from ..onnx_files import model, number, numbers, read, weight

node = helper.make_node


def kinds(nodes: list[NodeProto], constants: list[TensorProto]) -> list[str]:
    return [op.kind for op in read(model(nodes, constants, shape=(1, 3, 16, 16))).network.operators]


def gelu(early: bool, root: float = math.sqrt(2.0)) -> tuple[list[NodeProto], list[TensorProto]]:
    """As exporters write it out: the half at the end, or before (`early`)."""
    constants = [number("root", root), number("one", 1.0), number("half", 0.5)]
    first = [node("Div", ["x", "root"], ["d"]), node("Erf", ["d"], ["e"]), node("Add", ["e", "one"], ["a"])]
    if early:
        return [*first, node("Mul", ["x", "half"], ["h"]), node("Mul", ["h", "a"], ["y"])], constants
    return [*first, node("Mul", ["x", "a"], ["p"]), node("Mul", ["p", "half"], ["y"])], constants


def test_a_gelu_written_out_is_one() -> None:
    assert kinds(*gelu(early=False)) == ["gelu"] == kinds(*gelu(early=True))


def test_what_only_looks_like_a_gelu_is_not() -> None:
    assert "erf" in kinds(*gelu(early=False, root=3.0))


def test_a_value_times_its_sigmoid_is_one_operator_unless_the_sigmoid_is_needed_elsewhere() -> None:
    silu = [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])]
    assert kinds(silu, []) == ["silu"]
    twice = [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["p"]), node("Add", ["p", "s"], ["y"])]
    assert kinds(twice, []) == ["sigmoid", "mul", "add"]


def test_a_norm_written_out_is_one_with_its_weights() -> None:
    nodes = [node("ReduceMean", ["x"], ["m"], axes=[-1]), node("Sub", ["x", "m"], ["c"]),
             node("Pow", ["c", "two"], ["q"]), node("ReduceMean", ["q"], ["v"], axes=[-1]),
             node("Add", ["v", "eps"], ["a"]), node("Sqrt", ["a"], ["r"]), node("Div", ["c", "r"], ["n"]),
             node("Mul", ["n", "scale"], ["t"]), node("Add", ["t", "shift"], ["y"])]
    constants = [number("two", 2.0), number("eps", 1e-5), weight("scale", 16), weight("shift", 16)]
    found = read(model(nodes, constants, shape=(1, 3, 16, 16)))
    assert [op.kind for op in found.network.operators] == ["layernorm"] and found.params == 32
    other = [*nodes[:6], node("Div", ["x", "r"], ["n"]), *nodes[7:]]
    assert "sqrt" in kinds(other, constants)


def test_details_are_those_that_features_are_read_from() -> None:
    nodes = [node("Transpose", ["x"], ["t"], perm=[0, 2, 1, 3]), node("Resize", ["t", "", "s"], ["y"], mode="linear")]
    found = read(model(nodes, [numbers("s", 1, 1, 2, 2, dtype=np.float32)])).network.operators
    assert [(op.kind, op.detail) for op in found] == [("permute", "0,2,1,3"), ("upsample", "mode=linear")]
