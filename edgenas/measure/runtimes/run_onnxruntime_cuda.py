"""Runs ONNX files with onnxruntime on an NVIDIA GPU. Stands alone: numpy and onnxruntime (a build with CUDA).

`provider` is cuda, or tensorrt with what TensorRT does not take on CUDA. All of a model runs on the GPU or it is
refused: the session may not fall back to the processor. Arithmetic is in float32, as the file says: NVIDIA's libraries
are told not to round to TF32. The input is put on the GPU once, the output read back in every run.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

FORMAT = "onnx"
SUFFIX = ".onnx"
EXTRA = "onnx"
OPTIONS = {"provider": "cuda"}
PROVIDERS = {"cuda": ("CUDAExecutionProvider",),
             "tensorrt": ("TensorrtExecutionProvider", "CUDAExecutionProvider")}
DTYPES = {"float": "float32", "double": "float64"}


def version() -> str:
    """Raises: RuntimeError if this onnxruntime was built without CUDA."""
    import onnxruntime
    _check_present(PROVIDERS["cuda"])
    return str(onnxruntime.__version__)


def describe() -> dict[str, Any]:
    """The first GPU's name, from NVIDIA's driver.

    Raises: OSError without that driver; RuntimeError if it knows no GPU.
    """
    driver = ctypes.CDLL("libcuda.so.1")
    device, name = ctypes.c_int(), ctypes.create_string_buffer(256)
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(name, 256, device):
        raise RuntimeError("NVIDIA's driver finds no GPU")
    return {"name": name.value.decode(errors="replace"), "vendor": "nvidia", "software": False}


class Session:
    """A loaded model; `threads` are those of what onnxruntime does beside the GPU."""

    def __init__(self, path: str, threads: int, provider: str = "cuda") -> None:
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
        import onnxruntime
        if provider not in PROVIDERS:
            raise ValueError(f"provider is {provider!r}; it must be {' or '.join(PROVIDERS)}")
        wanted = PROVIDERS[provider]
        _check_present(wanted)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        self._session = onnxruntime.InferenceSession(path, options, providers=list(wanted))
        self._session.disable_fallback()
        if self._session.get_providers()[:1] != [wanted[0]]:
            raise RuntimeError(f"onnxruntime runs on {self._session.get_providers()} instead of {wanted[0]}")
        self.inputs = [_signature(item) for item in self._session.get_inputs()]
        self.outputs = [_signature(item) for item in self._session.get_outputs()]

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        named = {name: arrays[index] for index, (name, _, _) in enumerate(self.inputs)}
        return list(self._session.run(None, named))

    def prepare(self, arrays: list[np.ndarray]) -> None:
        from onnxruntime import OrtValue
        binding = self._session.io_binding()
        for index, (name, _, _) in enumerate(self.inputs):
            binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(arrays[index], "cuda", 0))
        for name, shape, dtype in self.outputs:
            binding.bind_ortvalue_output(name, OrtValue.ortvalue_from_numpy(np.empty(shape, dtype)))
        self._binding = binding

    def invoke(self) -> None:
        self._session.run_with_iobinding(self._binding)


def _check_present(wanted: tuple[str, ...]) -> None:
    """Raises: RuntimeError naming the execution provider that this onnxruntime does not have."""
    import onnxruntime
    present = onnxruntime.get_available_providers()
    for name in wanted:
        if name not in present:
            raise RuntimeError(f"onnxruntime {onnxruntime.__version__} has no {name} (it has {', '.join(present)}): "
                               "install onnxruntime-gpu in its place")


def _signature(item: Any) -> tuple[str, list[int], str]:
    if not all(isinstance(size, int) for size in item.shape):
        raise ValueError(f"the shape {item.shape} of {item.name!r} is not fixed")
    dtype = item.type[len("tensor("):-1]
    return item.name, list(item.shape), DTYPES.get(dtype, dtype)
