"""int8 ONNX files: against float32, onnxruntime's own quantizer, and the kernels that onnxruntime makes of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from saturation import exact_int8
from torch import nn

from edgenas.errors import UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.onnx.quantiser import quantised
from edgenas.export.package.contents import signature

from ..nets import MBConv, coloured, decided, settled

CALIBRATION = coloured(48, 3, 20, 28)
IMAGES = coloured(100, 3, 20, 28)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return decided(settled(nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), MBConv(8, 8, 3),
        MBConv(8, 16, 5, stride=2), nn.Conv2d(16, 24, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(24, 5))), CALIBRATION).eval()


@pytest.fixture(scope="module")
def files(net: nn.Module, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("int8")
    paths = {name: folder / f"{name}.onnx" for name in ("fp32", "int8", "oracle")}
    for precision in ("fp32", "int8"):
        exporter("onnx").export([Export(net, CALIBRATION[:1], paths[precision], CALIBRATION)], precision=precision)
    paths["oracle"].write_bytes(quantised(paths["fp32"].read_bytes(), CALIBRATION))
    return paths


def logits(path: Path) -> np.ndarray:
    return open_session(path, "onnxruntime").predict(IMAGES.numpy())


def kernels(path: Path, to: Path) -> Counter[str]:
    """What onnxruntime runs."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(to), 3
    onnxruntime.InferenceSession(path, options)
    return Counter(node.op_type for node in onnx.load(to).graph.node)


@exact_int8
def test_it_is_as_exact_as_onnxruntime_s_quantizer(files: dict[str, Path]) -> None:
    exact, ours, theirs = (logits(files[name]) for name in ("fp32", "int8", "oracle"))
    assert (ours.argmax(1) == exact.argmax(1)).mean() > 0.9
    assert np.square(ours - exact).mean() < 1.2 * np.square(theirs - exact).mean()


def test_onnxruntime_runs_integer_kernels(files: dict[str, Path], tmp_path: Path) -> None:
    ours, theirs = (kernels(files[name], tmp_path / f"{name}.onnx") for name in ("int8", "oracle"))
    assert ours["QLinearConv"] == theirs["QLinearConv"] == 8 and ours["QLinearAdd"] == theirs["QLinearAdd"] == 1
    assert not {"Conv", "Add", "Clip", "Relu", "Pad", "Gemm"} & set(ours)
    assert ours["QuantizeLinear"] <= theirs["QuantizeLinear"]


def test_inputs_and_outputs_stay_float32_and_weights_are_int8(files: dict[str, Path]) -> None:
    (image,), (made,) = signature(files["int8"])
    assert (image.name, image.dtype, made.name, made.dtype) == ("image", "float32", "logits", "float32")
    weights = [weight for weight in onnx.load(files["int8"]).graph.initializer if len(weight.dims) > 1]
    assert len(weights) == 9 and {weight.data_type for weight in weights} == {onnx.TensorProto.INT8}


@exact_int8
def test_what_is_outside_the_vocabulary_is_made_by_onnxruntime_s_quantizer(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, images = nn.Sequential(nn.Conv2d(4, 5, 3), nn.ELU()).eval(), torch.randn(16, 4, 6, 6)
    items = [Export(part, images[:1], tmp_path / f"{name}.onnx", images)
             for name, part in (("outside", module), ("inside", module[0]))]
    done: list[Export] = []
    exporter("onnx").export(items, precision="int8", on_done=done.append)
    assert {item.path.name for item in done} == {"outside.onnx", "inside.onnx"}
    found = open_session(items[0].path, "onnxruntime").predict(images.numpy())
    expected = module(images).detach().numpy()
    assert 0 < abs(found - expected).max() < 0.05 * abs(expected).max()


@pytest.mark.parametrize("format", ["onnx", "tflite", "tvm"])
def test_calibration_of_another_shape_is_refused(format: str, tmp_path: Path) -> None:
    item = Export(nn.Linear(8, 3), torch.zeros(1, 8), tmp_path / f"net{exporter(format).suffix}", torch.zeros(4, 7))
    with pytest.raises(UsageError, match=r"calibration inputs are torch.float32 of shape \(4, 7\)"):
        exporter(format).export([item], precision="int8")
    assert not any(tmp_path.iterdir())
