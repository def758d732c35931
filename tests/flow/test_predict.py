from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import NodeProto, helper, numpy_helper
from torch import nn

from edgenas.cost.kernels.sampling import family, sample
from edgenas.cost.network import trace
from edgenas.cost.profile import Header, Profile, profile_path
from edgenas.export import exporter
from edgenas.export.base import Export

from .flows import MOCK, edgenas, exact, mock_latency_ms, succeed

SHAPE = (3, 24, 24)


def network(depth: int) -> nn.Sequential:
    """Made of pointwise and depthwise convolutions of growing width."""
    layers: list[nn.Module] = [nn.Conv2d(3, 8, 1), nn.ReLU()]
    for index in range(depth):
        width = 8 * 2**index
        layers += [nn.Conv2d(width, width, 3, 1, 1, groups=width), nn.ReLU(), nn.Conv2d(width, 2 * width, 1)]
    return nn.Sequential(*layers).eval()


def saved(folder: Path, *layers: nn.Module) -> Path:
    module = nn.Sequential(network(2), *layers).eval()
    exporter("onnx").export([Export(module, torch.randn(1, *SHAPE), folder / "net.onnx")])
    return folder / "net.onnx"


class Running(nn.Module):
    """Sums over all channels until each."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of device mock: pointwise and depthwise kernels, and ten whole networks."""
    folder = tmp_path_factory.mktemp("profiles")
    header = Header(device="mock", runtime="mock", runtime_version="1", threads=1, machine={"id": "m"})
    profile = Profile.create(profile_path("mock", "mock", 1, folder=folder), header)
    for kernel in sample(120):
        if family(kernel.network.operators[0]) in ("pointwise", "depthwise"):
            profile.add_block(kernel.network.signature, exact(mock_latency_ms(kernel.network)), kernel.network)
    for depth in range(5):
        for side in (8, 20):
            whole = trace(network(depth), (3, side, side))
            profile.add_network(whole.signature, (), exact(mock_latency_ms(whole)), whole)
    return folder


def test_any_onnx_network_is_predicted_layer_by_layer(folder: Path, tmp_path: Path):
    path = saved(tmp_path)
    found = succeed("predict", path, *MOCK, "--profiles", folder, "--json").document
    truth = trace(network(2), SHAPE)
    latency = found["latency_ms"]
    low, high = latency["interval_90"]
    assert low <= latency["predicted"] <= high
    assert latency["predicted"] == pytest.approx(mock_latency_ms(truth), rel=0.3)
    layers = found["layers"]
    assert [layer["family"] for layer in layers] == [family(operator) for operator in truth.operators]
    assert sum(layer["latency_ms"] for layer in layers) + latency["overhead"] == pytest.approx(latency["predicted"])
    assert sum(layer["macs"] for layer in layers) == found["macs"] == truth.macs
    assert found["params"] == truth.params and found["peak_memory_kib"] == truth.peak_elements * 4 / 1024
    assert found["never_profiled"] == [] and found["held_out"]["count"] == 10

    table = succeed("predict", path, *MOCK, "--profiles", folder)
    assert "3->8 k1x1 s1 p0 g1 bias relu" in table.out and "90% interval" in table.out and not table.err


def test_operators_never_profiled_are_warned_of_plainly(folder: Path, tmp_path: Path):
    path = saved(tmp_path, nn.MaxPool2d(2), Running())
    shown = succeed("predict", path, *MOCK, "--profiles", folder)
    assert "no operator of these families was ever profiled, and their time is missing: maxpool2d" in shown.err
    assert "edgenas profiles no operators of these families, and their time is missing: cumsum" in shown.err
    assert "try:" not in shown.err
    assert "latency_ms, predicted │ at least " in shown.out
    found = succeed("predict", path, *MOCK, "--profiles", folder, "--json").document
    assert found["never_profiled"] == ["cumsum", "maxpool2d"] and found["latency_ms"]["interval_90"] is None
    assert found["latency_ms"]["at_least"] and len(found["latency_ms"]["no_interval"]) == 2
    assert [layer["latency_ms"] for layer in found["layers"][-2:]] == [None, None]


def written(path: Path, node: NodeProto, dtype: Any = np.float32) -> Path:
    """A file of a pointwise convolution and this node after it."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"]), node], "net",
        [helper.make_tensor_value_info("x", kind, (1, *SHAPE))], [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(np.ones((8, 3, 1, 1), dtype), "w")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def test_a_file_of_another_precision_than_the_profile_has_no_interval_and_its_own_memory(folder: Path, tmp_path: Path):
    path = written(tmp_path / "half.onnx", helper.make_node("Relu", ["c"], ["y"]), np.float16)
    found = succeed("predict", path, *MOCK, "--profiles", folder, "--json").document
    assert (found["file_precision"], found["precision"], found["latency_ms"]["interval_90"]) == ("fp16", "fp32", None)
    assert found["latency_ms"]["no_interval"][0] == (
        "the file is fp16, the profile fp32: the latency is that of the same network in fp32")
    assert found["peak_memory_kib"] == (3 + 8) * 24 * 24 * 2 / 1024


def test_multiplications_that_are_not_counted_make_the_figure_a_least_one(folder: Path, tmp_path: Path):
    node = helper.make_node("Einsum", ["c"] * 3, ["y"], equation="bchw,bchw,bchw->bc", name="cube[/b]")
    path = written(tmp_path / "[b].onnx", node)
    shown = succeed("predict", path, *MOCK, "--profiles", folder)
    assert "[b].onnx" in shown.out
    assert "macs: at least 13824; not counted: Einsum ('cube[/b]')" in shown.err and "at least 13824" in shown.out
    found = succeed("predict", path, *MOCK, "--profiles", folder, "--json").document
    assert (found["macs"], found["macs_at_least"], found["not_counted"]) == (
        24 * 24 * 24, True, ["Einsum ('cube[/b]')"])


def test_beyond_the_networks_that_calibrate_a_profile_there_is_no_interval(folder: Path, tmp_path: Path):
    module = network(2)
    exporter("onnx").export([Export(module, torch.randn(1, 3, 90, 90), tmp_path / "net.onnx")])
    found = succeed("predict", tmp_path / "net.onnx", *MOCK, "--profiles", folder, "--json").document
    assert found["latency_ms"]["interval_90"] is None and not found["latency_ms"]["at_least"]
    assert any("larger than" in reason for reason in found["latency_ms"]["no_interval"])


def test_a_network_unlike_the_profiles_is_predicted_once_what_is_like_it_was_measured(tmp_path: Path):
    module = nn.Sequential(nn.Conv1d(4, 16, 5, padding=2), nn.ReLU(), nn.Conv1d(16, 24, 3), nn.GELU()).eval()
    path = tmp_path / "series 1.onnx"
    exporter("onnx").export([Export(module, torch.randn(1, 4, 64), path)])
    made = succeed("profile", "--device", "mock", "--like", path, "--profiles", tmp_path, "--json").document
    assert made["measured_now"] == {"operators": made["operators"], "networks": made["networks"]}
    assert made["networks"] >= 9 and made["held_out"]["count"] == made["networks"]
    found = succeed("predict", path, "--device", "mock", "--profiles", tmp_path, "--json").document
    assert [layer["family"] for layer in found["layers"]] == ["conv1d", "conv1d", "gelu"]
    assert found["latency_ms"]["no_interval"] == [] and found["next"] is None
    again = succeed("profile", "--device", "mock", "--like", path, "--profiles", tmp_path)
    assert "single operators" in again.out and "0 of them now" in again.out


def test_the_next_command_is_one_that_can_be_typed(folder: Path, tmp_path: Path):
    path = saved(tmp_path, nn.MaxPool2d(2))
    path = path.rename(tmp_path / "my net.onnx")
    found = succeed("predict", path, *MOCK, "--profiles", folder, "--json").document
    assert found["next"].startswith("edgenas profile --device mock --runtime mock --threads 1 --precision fp32 --like")
    assert shlex.split(found["next"])[-4:] == ["--like", str(path), "--profiles", str(folder)]
    shown = succeed("predict", path, *MOCK, "--profiles", folder)
    assert f"try: {found['next']}" in shown.err


def test_what_like_does_not_take_is_said(tmp_path: Path):
    path = written(tmp_path / "relu.onnx", helper.make_node("Relu", ["c"], ["y"]))
    edgenas("profile", "--device", "mock", "--device", "host", "--like", path).refused(2, "takes one device")
    edgenas("profile", "--device", "mock", "--like", tmp_path / "none.onnx").refused(2, "cannot read")


def test_without_a_profile_the_command_that_makes_one_is_named(tmp_path: Path):
    edgenas("predict", saved(tmp_path), *MOCK, "--profiles", tmp_path).refused(
        2, "cannot read the profile", "edgenas profile")


def test_a_file_that_is_no_network_is_one_clear_sentence(folder: Path, tmp_path: Path):
    (tmp_path / "bad.onnx").write_text("no model")
    edgenas("predict", tmp_path / "bad.onnx", *MOCK, "--profiles", folder).refused(2, "is no valid ONNX model")
    edgenas("predict", tmp_path / "none.onnx", *MOCK, "--profiles", folder).refused(2, "cannot read")
