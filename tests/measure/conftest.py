"""One small network as a file of every format, and workers with runners made for a test."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure.device import Device
from edgenas.measure.protocol import Protocol
from edgenas.measure.runtime import load_runtime, precision_for, runtime_names

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
def int8_file(artifacts) -> Path:
    """The network as a TFLite file that is int8 throughout."""
    conv = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False)
    conv.weight.data = torch.from_numpy(WEIGHT)
    path = artifacts["folder"] / "net_int8.tflite"
    save_int8(torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()), path)
    return path


def save_int8(net: torch.nn.Module, path: Path, shape: tuple[int, ...] = (3, 8, 8)) -> str:
    """Its ranges are those of standard-normal images."""
    images = torch.randn(64, *shape, generator=torch.Generator().manual_seed(0))
    exporter("tflite").export([Export(net.eval(), images[:1], path, calibration=images)], precision="int8")
    return str(path)


@pytest.fixture(scope="session")
def tvm_file(artifacts) -> Path:
    path = artifacts["folder"] / "net.so"
    convert(TO_TVM, artifacts["onnx"], path)
    path.with_name("net.so.json").write_text(json.dumps(SIGNATURE))
    return path


@pytest.fixture(scope="session")
def binary_file(artifacts) -> Path:
    """The network as a stand-alone program for this machine."""
    return program(artifacts["folder"] / "net.bin")


@pytest.fixture(scope="session")
def library_file(artifacts) -> Path:
    return program(artifacts["folder"] / "net_c.so", format="library")


def program(path: Path, target: str = "host", format: str = "binary") -> Path:
    conv = torch.nn.Conv2d(3, 4, 3, padding=1, bias=False)
    conv.weight.data = torch.from_numpy(WEIGHT)
    net = torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    exporter(format).export([Export(net.eval(), torch.zeros(1, 3, 8, 8), path)], target=target)
    return path


@pytest.fixture
def network_file(request, runtime) -> Path:
    return made_file(request, runtime)


def made_file(request, runtime) -> Path:
    """The network in the format and precision that `runtime` runs."""
    module = load_runtime(runtime)
    name = module.format if precision_for(runtime) == "fp32" else precision_for(runtime)
    return request.getfixturevalue(f"{name}_file")


def runtimes() -> list[Any]:
    """All of them; those that need an accelerator carry the marker `gpu`."""
    return [pytest.param(name, marks=pytest.mark.gpu) if load_runtime(name).describe else name
            for name in runtime_names()]


@pytest.fixture(autouse=True)
def gpu(request, monkeypatch) -> None:
    """Tests marked `gpu` get one: SwiftShader where it is installed, else what the machine has."""
    if not request.node.get_closest_marker("gpu"):
        return
    use_swiftshader(monkeypatch)
    runtime = getattr(request.node, "callspec", SimpleNamespace(params={})).params.get("runtime")
    if runtime == "onnxruntime_cuda" and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime was built without CUDA")


def use_swiftshader(monkeypatch) -> None:
    """Chromium's software GPU and its loader of Vulkan, for this process and for those that it starts."""
    folder = Path(os.environ.get("EDGENAS_SWIFTSHADER", "/usr/lib/chromium"))
    if (folder / "vk_swiftshader_icd.json").exists():
        monkeypatch.setenv("VK_ICD_FILENAMES", str(folder / "vk_swiftshader_icd.json"))
        monkeypatch.setenv("LD_LIBRARY_PATH", f"{folder}:{os.environ.get('LD_LIBRARY_PATH', '')}")
        ctypes.CDLL(str(folder / "libvulkan.so.1"))
    elif not any(Path(place).exists() for place in ("/dev/dri", "/dev/nvidia0")):
        pytest.skip(f"there is no GPU, and no SwiftShader in {folder} (Debian: chromium; or set EDGENAS_SWIFTSHADER)")


def expected(images: np.ndarray) -> np.ndarray:
    """What the network computes, by PyTorch."""
    features = torch.nn.functional.conv2d(torch.from_numpy(images), torch.from_numpy(WEIGHT), padding=1)
    return features.relu().mean(dim=(2, 3)).numpy()


def tolerance(runtime: str) -> float:
    """How far a runtime's outputs may lie from PyTorch's; int8: two steps of its output."""
    return 1e-5 if precision_for(runtime) == "fp32" else 0.05


@pytest.fixture
def host() -> Device:
    return Device(name="host", description="this machine", runtimes=tuple(runtime_names()))


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
        fake = dataclasses.replace(load_runtime("mock"), file=path, clock=None)
        for module in ("measure", "conditions"):
            monkeypatch.setattr(f"edgenas.measure.{module}.load_runtime", lambda name: fake)
        return str(path)
    return replace
