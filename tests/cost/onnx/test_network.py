from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from edgenas.cost.network import Shape, trace
from edgenas.cost.onnx.network import read_onnx
from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export

from ..nets import draws, mobile
from ..onnx_files import FLOAT, model, number, numbers, read, weight


@pytest.mark.parametrize("options", [{}, {"squeeze_excite": "true", "activation": "hardswish"}])
def test_an_exported_network_is_read_as_the_module_is_traced(options: dict[str, str], tmp_path: Path) -> None:
    space = mobile(**options)
    module = space.build(draws(space, 1)[0]).eval()
    exporter("onnx").export([Export(module, torch.randn(1, *space.input_shape), tmp_path / "net.onnx")])
    named = read_onnx(tmp_path / "net.onnx")
    assert named.network == trace(module, space.input_shape)
    assert len(set(named.names)) == len(named.names) == len(named.network.operators)


@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_a_file_of_another_exporter_with_its_batch_norms(tmp_path: Path) -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, (1, 3), padding=(0, 1), groups=4), nn.SiLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)).eval()
    torch.onnx.export(module, (torch.randn(1, 3, 16, 16),), str(tmp_path / "net.onnx"), dynamo=False,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    found = read_onnx(tmp_path / "net.onnx").network
    assert [op.kind for op in found.operators] == [
        "conv2d", "maxpool2d", "conv2d", "silu", "adaptiveavgpool2d", "linear"]
    assert found.operators[0].detail == "3->8 k3x3 s2 p1 g1 bias relu6"
    assert found.operators[2].detail == "8->16 k1x3 s1 p0x1 g4 bias"
    assert found.operators[3].inputs == (2,) and found.operators[4].inputs == (3,)
    assert found.macs == 8 * 64 * 27 + 16 * 16 * 2 * 3 + 16 * 4
    assert found.params == 8 * 27 + 8 + 16 * 6 + 16 + 16 * 4 + 4


NODE = helper.make_node


def kinds(*nodes: onnx.NodeProto, constants: Sequence[TensorProto] = (), **options: Any) -> list[tuple[str, Shape]]:
    operators = read(model(nodes, constants, **options)).network.operators
    return [(" ".join([op.kind, op.detail]).strip(), op.shape) for op in operators]


def branch(name: str, *nodes: onnx.NodeProto, constants: Sequence[TensorProto] = ()) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info("b", FLOAT, None)], list(constants))


CHOICE = {"then_branch": branch("then", NODE("MatMul", ["x", "v"], ["b"]), constants=[weight("v", 16, 4)]),
          "else_branch": branch("else", NODE("Neg", ["x"], ["b"]))}


def test_a_branch_that_a_constant_decides_is_read_and_what_follows_it() -> None:
    nodes = NODE("If", ["c"], ["i"], **CHOICE), NODE("MatMul", ["i", "w"], ["y"])
    found = kinds(*nodes, constants=[number("c", True, np.bool_), weight("w", 4, 2)], shape=(1, 3, 16))
    assert found == [("linear 16->4", (3, 4)), ("linear 4->2", (3, 2))]


def test_what_the_data_decides_is_refused_by_the_name_of_its_operator() -> None:
    largest = NODE("ReduceMax", ["x"], ["m"], keepdims=0), NODE("Greater", ["m", "z"], ["c"])
    nodes = {"If ('choice')": [*largest, NODE("If", ["c"], ["y"], name="choice", **CHOICE)],
             "NonZero ('nz')": [NODE("NonZero", ["x"], ["n"], name="nz"), NODE("Cast", ["n"], ["f"], to=1),
                                NODE("Relu", ["f"], ["y"])]}
    for name, given in nodes.items():
        with pytest.raises(UsageError) as caught:
            read(model(given, [number("z", 0.0)], shape=(1, 3, 16)))
        assert f"the operator {name} of net.onnx" in caught.value.message


def test_inner_batches_count_and_channels_come_before_them() -> None:
    tiles = NODE("Reshape", ["x", "s"], ["t"]), NODE("Conv", ["t", "w"], ["y"])
    constants = [numbers("s", 4, 3, 8, 8), weight("w", 6, 3, 3, 3)]
    found = read(model(tiles, constants, shape=(1, 12, 8, 8))).network
    assert [op.shape for op in found.operators] == [(6, 4, 6, 6)] and found.macs == 4 * 6 * 36 * 27
    rows = NODE("Reshape", ["x", "s"], ["r"]), NODE("Gemm", ["r", "w", "b"], ["y"])
    constants = [numbers("s", -1, 3), weight("w", 3, 5), weight("b", 5)]
    assert kinds(*rows, constants=constants, shape=(1, 4, 3)) == [("linear 3->5 bias", (4, 5))]


def test_arithmetic_of_shapes_leaves_no_operators() -> None:
    nodes = [NODE("Shape", ["x"], ["s"]), NODE("Gather", ["s", "i"], ["n"]), NODE("Unsqueeze", ["n", "a"], ["u"]),
             NODE("Concat", ["u", "m"], ["k"], axis=0), NODE("Reshape", ["x", "k"], ["r"]),
             NODE("MatMul", ["r", "w"], ["y"])]
    constants = [number("i", 0, np.int64), numbers("a", 0), numbers("m", -1), weight("w", 48, 2)]
    assert kinds(*nodes, constants=constants, shape=(1, 3, 16)) == [("linear 48->2", (2,))]


def test_every_result_of_a_node_that_is_needed_is_one() -> None:
    split = NODE("Split", ["x"], ["a", "b"], axis=1, name="s"), NODE("Mul", ["a", "b"], ["y"])
    found = read(model(split, shape=(1, 6, 16), opset=13))
    assert [(op.kind, op.inputs, op.shape) for op in found.network.operators] == [
        ("split", (-1,), (3, 16)), ("split", (-1,), (3, 16)), ("mul", (0, 1), (3, 16))]
    assert found.names == ("s", "s:1", "Mul_2")


CLIPS = {
    "attributes": (9, [NODE("Clip", ["c"], ["y"], min=0.0, max=6.0)]),
    "inputs": (17, [NODE("Clip", ["c", "lo", "hi"], ["y"])]),
    "larger, then smaller": (17, [NODE("Max", ["c", "lo"], ["m"]), NODE("Min", ["m", "hi"], ["y"])]),
    "smaller, then larger": (17, [NODE("Min", ["hi", "c"], ["m"]), NODE("Max", ["lo", "m"], ["y"])]),
    "a ReLU, then smaller": (17, [NODE("Relu", ["c"], ["m"]), NODE("Min", ["m", "hi"], ["y"])]),
}


@pytest.mark.parametrize("form", CLIPS)
@pytest.mark.parametrize("of", ["initialisers", "nodes"])
def test_a_relu6_is_one_however_it_is_written(form: str, of: str) -> None:
    opset, nodes = CLIPS[form]
    constants = [weight("w", 8, 3, 3, 3)]
    first = [NODE("Conv", ["x", "w"], ["c"])]
    if of == "initialisers":
        constants += [number("lo", 0.0), number("hi", 6.0)]
    else:
        first += [NODE("Constant", [], [name], value=number("v", value)) if opset < 12 else
                  NODE("Constant", [], [name], value_float=value) for name, value in (("lo", 0.0), ("hi", 6.0))]
    assert kinds(*first, *nodes, constants=constants, opset=opset) == [
        ("conv2d 3->8 k3x3 s1 p0 g1 relu6", (8, 14, 14))]


def test_a_result_that_is_also_given_out_is_not_fused_away() -> None:
    both = model([NODE("Conv", ["x", "w"], ["c"]), NODE("Relu", ["c"], ["y"])], [weight("w", 8, 3, 3, 3)])
    both.graph.output.append(helper.make_tensor_value_info("c", FLOAT, None))
    assert [op.kind for op in read(both).network.operators] == ["conv2d", "relu"]


def test_functions_are_read_where_they_are_called() -> None:
    body = helper.make_function("mine", "Block", ["a", "w"], ["b"], [
        NODE("MatMul", ["a", "w"], ["c"]), NODE("Softmax", ["c"], ["b"])], [helper.make_opsetid("", 17)])
    twice = [NODE("Block", ["x", "w"], ["m"], domain="mine"), NODE("Block", ["m", "w"], ["y"], domain="mine")]
    found = read(model(twice, [weight("w", 16, 16)], shape=(1, 3, 16), domains=["mine"], functions=[body]))
    assert [op.kind for op in found.network.operators] == ["linear", "softmax"] * 2
    assert (found.network.macs, found.params) == (2 * 3 * 256, 256)


def test_the_types_of_a_file_are_read() -> None:
    conv, half = [NODE("Conv", ["x", "w"], ["y"])], TensorProto.FLOAT16
    assert read(model(conv, [weight("w", 8, 3, 3, 3)])).precision == "fp32"
    assert read(model(conv, [weight("w", 8, 3, 3, 3, dtype=np.float16)], kind=half)).precision == "fp16"
    cast = [NODE("Cast", ["x"], ["h"], to=half), NODE("Conv", ["h", "w"], ["c"]), NODE("Cast", ["c"], ["y"], to=1)]
    found = read(model(cast, [weight("w", 8, 3, 3, 3, dtype=np.float16)]))
    assert found.precision == "fp16+fp32" and [op.kind for op in found.network.operators] == ["conv2d"]
    with pytest.raises(UsageError, match="onnxruntime cannot run net.onnx: Could not find an implementation for Conv"):
        read(model(conv, [weight("w", 8, 3, 3, 3, dtype=np.float64)], kind=TensorProto.DOUBLE))


def test_a_quantised_file_is_the_network_that_it_was_made_of() -> None:
    nodes = [NODE("QuantizeLinear", ["x", "s", "z"], ["q"]), NODE("DequantizeLinear", ["q", "s", "z"], ["d"]),
             NODE("DequantizeLinear", ["w", "s", "v"], ["f"]), NODE("DequantizeLinear", ["b", "s"], ["g"]),
             NODE("Conv", ["d", "f", "g"], ["c"]), NODE("Relu", ["c"], ["r"]),
             NODE("QuantizeLinear", ["r", "s", "z"], ["p"]), NODE("DequantizeLinear", ["p", "s", "z"], ["y"])]
    constants = [number("s", 0.1), number("z", 0, np.uint8), number("v", 0, np.int8),
                 weight("w", 8, 3, 3, 3, dtype=np.int8), weight("b", 8, dtype=np.int32)]
    found = read(model(nodes, constants))
    assert found.precision == "int8" and found.params == 224
    assert [(op.detail, op.int8) for op in found.network.operators] == [
        ("3->8 k3x3 s1 p0 g1 bias relu", False)]
    part = [*nodes[:-1], NODE("DequantizeLinear", ["p", "s", "z"], ["e"]), NODE("Softmax", ["e"], ["t"]),
            NODE("Conv", ["t", "u"], ["y"])]
    found = read(model(part, [*constants, weight("u", 2, 8, 1, 1)]))
    assert found.precision == "mixed"
    assert [op.int8 for op in found.network.operators] == [True, True, False]


def test_odd_shapes_are_what_they_are() -> None:
    assert kinds(NODE("ReduceSum", ["x"], ["y"], keepdims=0)) == [("reducesum", ())]
    none = [NODE("Slice", ["x", "z", "z", "a"], ["n"]), NODE("Concat", ["n", "x"], ["y"], axis=2)]
    assert kinds(*none, constants=[numbers("z", 0), numbers("a", 2)]) == [("slice", (3, 0, 16)), ("cat", (3, 16, 16))]
    assert kinds(NODE("Identity", ["x"], ["y"])) == []
    with pytest.raises(UsageError, match="more than any memory holds"):
        kinds(NODE("Relu", ["x"], ["y"]), shape=(1, 1 << 40, 1 << 40))


def test_names_from_a_file_cannot_speak_to_the_terminal() -> None:
    assert read(model([NODE("Relu", ["x"], ["y"], name="a\x1b[31m\nb")])).names == ("a\\x1b[31m b",)
    with pytest.raises(UsageError) as caught:
        read(model([NODE("Foo\x1b", ["x"], ["y"], domain="evil")], domains=["evil"]))
    assert "'Foo\\x1b' of the domain 'evil' (node 'y')" in caught.value.message


def save(path: Path, *nodes: onnx.NodeProto, shape: tuple[object, ...] = (1, 4, 8, 8), extra: int = 0) -> Path:
    """A file of these nodes from `x` to `y`, whose four sizes it does not tell."""
    floats = TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info(name, floats, shape) for name in ("x", "z")[:1 + extra]]
    graph = helper.make_graph(nodes, "net", inputs, [helper.make_tensor_value_info("y", floats, list("abcd"))])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_operators_that_are_not_known_keep_their_name(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", helper.make_node("Softmax", ["x"], ["s"], axis=1, name="soft"),
                helper.make_node("Erf", ["s"], ["y"]))
    named = read_onnx(path)
    assert [(op.kind, op.macs, op.shape) for op in named.network.operators] == [
        ("softmax", 0, (4, 8, 8)), ("erf", 0, (4, 8, 8))]
    assert named.names == ("soft", "Erf_1")


def test_pooling_over_the_whole_map_is_the_global_mean_however_it_is_written() -> None:
    nodes = [NODE("GlobalAveragePool", ["x"], ["y"]), NODE("AveragePool", ["x"], ["y"], kernel_shape=[16, 16]),
             NODE("ReduceMean", ["x"], ["y"], axes=[-1, -2]), NODE("AveragePool", ["x"], ["y"], kernel_shape=[2, 2])]
    found = [kinds(node)[0][0].split()[0] for node in nodes]
    assert found == ["adaptiveavgpool2d", "adaptiveavgpool2d", "adaptiveavgpool2d", "avgpool2d"]


@pytest.mark.parametrize(("shape", "extra", "message"), [
    (("n", 4, 8, 8), 0, r"the input 'x' of .* has the shape \['n', 4, 8, 8\]"),
    ((2, 4, 8, 8), 0, r"has the shape \[2, 4, 8, 8\]"),
    ((1, 4, "h", "w"), 0, r"has the shape \[1, 4, 'h', 'w'\]"),
    ((1, 4, 8, 8), 1, "has 2 inputs"),
])
def test_what_has_no_fixed_input_is_refused(
        tmp_path: Path, shape: tuple[object, ...], extra: int, message: str) -> None:
    node = helper.make_node("Add", ["x", "z" if extra else "x"], ["y"])
    with pytest.raises(UsageError, match=message) as caught:
        read_onnx(save(tmp_path / "net.onnx", node, shape=shape, extra=extra))
    assert caught.value.hint == "export it with fixed shapes and a batch of 1"


def test_what_is_no_model_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model at all")
    for name, message in (("bad.onnx", "is no valid ONNX model: "), ("gone.onnx", "cannot read .*No such file")):
        with pytest.raises(UsageError, match=message) as caught:
            read_onnx(tmp_path / name)
        assert "\n" not in caught.value.message
