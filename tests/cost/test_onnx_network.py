from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from edgenas.cost.onnx_network import read_onnx
from edgenas.cost.operators import trace
from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export

from .nets import draws, mobile


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
        "conv2d", "maxpool2d", "conv2d", "sigmoid", "mul", "adaptiveavgpool2d", "linear"]
    assert found.operators[0].detail == "3->8 k3x3 s2 p1 g1 bias relu6"
    assert found.operators[2].detail == "8->16 k1x3 s1 p0x1 g4 bias"
    assert found.operators[4].inputs == (2, 3)
    assert found.macs == 8 * 64 * 27 + 16 * 16 * 2 * 3 + 16 * 4
    assert found.params == 8 * 27 + 8 + 16 * 6 + 16 + 16 * 4 + 4


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


def test_a_product_of_two_activations_counts_its_macs(tmp_path: Path) -> None:
    path = save(tmp_path / "net.onnx", helper.make_node("MatMul", ["x", "x"], ["y"]), shape=(1, 4, 8, 8))
    (operator,) = read_onnx(path).network.operators
    assert (operator.kind, operator.macs) == ("matmul", 4 * 8 * 8 * 8)


def test_pooling_over_the_whole_map_is_the_global_mean_however_it_is_written(tmp_path: Path) -> None:
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["y"]),
             helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[8, 8]),
             helper.make_node("AveragePool", ["x"], ["y"], kernel_shape=[2, 2])]
    kinds = [read_onnx(save(tmp_path / "net.onnx", node)).network.operators[0].kind for node in nodes]
    assert kinds == ["adaptiveavgpool2d", "adaptiveavgpool2d", "avgpool2d"]


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
