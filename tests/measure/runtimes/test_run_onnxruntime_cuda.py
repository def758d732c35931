"""Without an NVIDIA GPU: what it refuses, with the real onnxruntime for processors."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import onnxruntime
import pytest

from edgenas.errors import DeviceError, UsageError
from edgenas.measure.device import Device
from edgenas.measure.measure import probe
from edgenas.measure.runtimes import run_onnxruntime_cuda as cuda

without_cuda = pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(),
                                  reason="this onnxruntime has CUDA")
DEVICE = Device(name="board", description="a board with a GPU", runtimes=("onnxruntime_cuda",))


@without_cuda
def test_an_onnxruntime_without_cuda_is_refused_in_one_sentence():
    with pytest.raises(DeviceError) as caught:
        probe(DEVICE, "onnxruntime_cuda")
    assert f"onnxruntime {onnxruntime.__version__} has no CUDAExecutionProvider" in caught.value.message
    assert "install onnxruntime-gpu in its place" in caught.value.message and "\n" not in caught.value.message


@without_cuda
@pytest.mark.parametrize(("provider", "missing"), [("cuda", "CUDAExecutionProvider"),
                                                   ("tensorrt", "TensorrtExecutionProvider")])
def test_no_model_is_loaded_without_the_provider(onnx_file, provider, missing):
    with pytest.raises(RuntimeError, match=f"has no {missing}"):
        cuda.Session(str(onnx_file), 1, provider)


def test_an_unknown_provider_is_refused(onnx_file):
    with pytest.raises(ValueError, match="provider is 'cdua'; it must be cuda or tensorrt"):
        cuda.Session(str(onnx_file), 1, "cdua")
    with pytest.raises(UsageError, match="'provder' is no known setting of runtime 'onnxruntime_cuda'"):
        Device(name="b", description="b", runtimes=("onnxruntime_cuda",),
               settings={"onnxruntime_cuda": {"provder": "cuda"}})


@without_cuda
@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available:UserWarning")
def test_a_session_that_would_fall_back_to_the_processor_is_refused(onnx_file, monkeypatch):
    """As when the provider is there and its libraries cannot be loaded."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(Exception, match="fallback to CPU EP has been explicitly disabled"):
        cuda.Session(str(onnx_file), 1)


def test_the_session_must_run_on_the_provider_that_was_asked_for(onnx_file, monkeypatch):
    session = SimpleNamespace(disable_fallback=lambda: None, get_providers=lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *_, **__: session)
    with pytest.raises(RuntimeError, match="runs on .'CPUExecutionProvider'. instead of CUDAExecutionProvider"):
        cuda.Session(str(onnx_file), 1)


def driver(found: int) -> SimpleNamespace:
    """NVIDIA's driver, of which only the interface is imitated."""
    def name(buffer: ctypes.Array[ctypes.c_char], size: int, device: ctypes.c_int) -> int:
        buffer.value = b"Orin"
        return 0

    return SimpleNamespace(cuInit=lambda flags: 0, cuDeviceGet=lambda device, index: 0 if found else 101,
                           cuDeviceGetName=name)


def test_the_gpu_is_named_by_nvidia_s_driver(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver(1))
    assert cuda.describe() == {"name": "Orin", "vendor": "nvidia", "software": False}
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver(0))
    with pytest.raises(RuntimeError, match="finds no GPU"):
        cuda.describe()
