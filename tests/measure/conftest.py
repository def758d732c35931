"""One small network as a file of every format, and workers with runners made for a test."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edgenas.measure.device import Device
from edgenas.measure.protocol import Protocol

WEIGHT = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)

TO_TFLITE = """
import sys, numpy, torch, litert_torch
conv = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False)
conv.weight.data = torch.from_numpy(numpy.load(sys.argv[1]))
net = torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()).eval()
nhwc = litert_torch.to_channel_last_io(net, args=[0])
litert_torch.convert(nhwc, (torch.zeros(1, 8, 8, 3),)).export(sys.argv[2])
"""
TO_TVM = """
import sys, onnx, tvm
from tvm.relax.frontend.onnx import from_onnx
module = from_onnx(onnx.load(sys.argv[1]), keep_params_in_input=False)
tvm.compile(module, target=tvm.target.Target({"kind": "llvm"})).export_library(sys.argv[2])
"""
SIGNATURE = {"inputs": [{"name": "x", "shape": [1, 3, 8, 8], "dtype": "float32"}],
             "outputs": [{"name": "y", "shape": [1, 4], "dtype": "float32"}]}


def convert(script: str, *arguments: Path) -> None:
    """In a process of its own: the converters warn, and they are not what is tested here."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory) -> dict[str, Path]:
    """The network's ONNX file; `tflite_file` and `tvm_file` are the others."""
    folder = tmp_path_factory.mktemp("artifacts")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4), helper.make_node("Relu", ["c"], ["r"]),
             helper.make_node("GlobalAveragePool", ["r"], ["p"]), helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])], [numpy_helper.from_array(WEIGHT, "w")])
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=10), folder / "net.onnx")
    np.save(folder / "weight.npy", WEIGHT)
    return {"folder": folder, "onnx": folder / "net.onnx"}


@pytest.fixture(scope="session")
def onnx_file(artifacts) -> Path:
    return artifacts["onnx"]


@pytest.fixture(scope="session")
def tflite_file(artifacts) -> Path:
    path = artifacts["folder"] / "net.tflite"
    convert(TO_TFLITE, artifacts["folder"] / "weight.npy", path)
    return path


@pytest.fixture(scope="session")
def tvm_file(artifacts) -> Path:
    path = artifacts["folder"] / "net.so"
    convert(TO_TVM, artifacts["onnx"], path)
    path.with_name("net.so.json").write_text(json.dumps(SIGNATURE))
    return path


@pytest.fixture
def network_file(request, runtime) -> Path:
    """The network in the format that the test's `runtime` runs."""
    return request.getfixturevalue({"litert": "tflite_file", "tvm": "tvm_file"}.get(runtime, "onnx_file"))


def expected(images: np.ndarray) -> np.ndarray:
    """What the network computes, by PyTorch."""
    features = torch.nn.functional.conv2d(torch.from_numpy(images), torch.from_numpy(WEIGHT), padding=1)
    return features.relu().mean(dim=(2, 3)).numpy()


@pytest.fixture
def host() -> Device:
    return Device(name="host", description="this machine", runtimes=("onnxruntime", "litert", "tvm", "mock"))


@pytest.fixture
def brief() -> Protocol:
    return Protocol(calibration_s=0.01, warmup_runs=2, warmup_min_s=0.001, warmup_max_s=0.01, max_rounds=3,
                    runs=5, round_s=0.001)


RUNNER = """
import os, sys, time
FORMAT, SUFFIX, EXTRA = "onnx", ".onnx", "onnx"
def version(): return "1"
class Session:
    inputs = [("x", [2], "float32")]
    outputs = inputs
    def __init__(self, path, threads): self.path = path
    def prepare(self, arrays): pass
    def invoke(self): time.sleep(1e-4)
"""


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """`runner(code)`: from now on runtime `mock` is a runner with `code` at its end; returns its path."""
    def replace(code: str) -> str:
        path = tmp_path / "run_mock.py"
        path.write_text(RUNNER + textwrap.dedent(code))
        fake = SimpleNamespace(__file__=str(path), EXTRA="onnx")
        for module in ("measure", "conditions"):
            monkeypatch.setattr(f"edgenas.measure.{module}.load_runtime", lambda name: fake)
        return str(path)
    return replace
