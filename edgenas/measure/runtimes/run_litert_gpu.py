"""Runs TFLite files on the GPU with LiteRT's compiled models. Stands alone: numpy and ai_edge_litert.

All of a model runs there or none of it: a model with an operator that the GPU does not take is refused. Arithmetic
is in float32, as the file says. A run ends when its outputs have been read back, as the GPU only then has surely
finished. A GPU has no threads to choose: their number is ignored.

LiteRT says which GPU it took, and why it takes none or an operator not, in its log alone (standard error); so the log
is read while a model is loaded.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

HOST_MEMORY = 1  # LiteRtTensorBufferType
FORMAT = "tflite"
SUFFIX = ".tflite"
EXTRA = "tflite"
ADAPTER = re.compile(r"Selected adapter: (?P<name>.*), arch=(?P<architecture>.*), vendor=(?P<vendor>.*), "
                     r"backend=(?P<backend>.*), adapterType=(?P<kind>.*)")
SOFTWARE = re.compile(r"swiftshader|llvmpipe|lavapipe|software|\bcpu\b", re.IGNORECASE)
REFUSED = re.compile(r"not supported by GPU delegate:\s*\n(.*?)\n(?:No|\d+) operations will", re.S)


def version() -> str:
    import ai_edge_litert.compiled_model  # noqa: F401  (an older package has none)
    return importlib.metadata.version("ai-edge-litert")


def describe() -> dict[str, Any]:
    """The GPU: its name, architecture, vendor, the interface to it, and whether it is only emulated in software.

    Raises: RuntimeError if LiteRT finds none, or does not say which.
    """
    return dict(_opened()[1])


class Session:
    def __init__(self, path: str, threads: int) -> None:
        environment, _ = _opened()
        content = Path(path).read_bytes()
        with _heard() as heard:
            try:
                self._model = _compiled(content, environment)
                self._given, self._results = self._model.create_input_buffers(0), self._model.create_output_buffers(0)
            except RuntimeError as error:
                raise RuntimeError(_reason(heard(), error)) from error
        _check(self._model, len(self._results))
        names = self._model.get_signature_by_index(0)
        inputs, outputs = (self._model.get_input_tensor_details(names["key"]),
                           self._model.get_output_tensor_details(names["key"]))
        self.inputs = [_signature(inputs[name]) for name in names["inputs"]]
        self.outputs = [_signature(outputs[name]) for name in names["outputs"]]
        self._reads = [(buffer.read, int(np.prod(shape)), np.dtype(dtype).type)
                       for buffer, (_, shape, dtype) in zip(self._results, self.outputs, strict=True)]

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        self.prepare(arrays)
        return [array.reshape(shape) for array, (_, shape, _) in zip(self.invoke(), self.outputs, strict=True)]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Write the inputs to the GPU once."""
        for buffer, array in zip(self._given, arrays, strict=True):
            buffer.write(array)

    def invoke(self) -> list[np.ndarray]:
        self._model.run_by_index(0, self._given, self._results)
        return [read(count, dtype) for read, count, dtype in self._reads]


@functools.cache
def _opened() -> tuple[Any, dict[str, Any]]:
    """LiteRT's environment, which all sessions share because opening a GPU takes half a second; and its GPU."""
    import ai_edge_litert
    from ai_edge_litert.environment import Environment, EnvironmentOptions
    with _heard() as heard:
        options = EnvironmentOptions(runtime_path=str(Path(ai_edge_litert.__file__).parent))
        environment = Environment.create(options=options)
        try:
            _compiled(_one_relu(), environment).create_input_buffers(0)[0].write(np.zeros(4, np.float32))
        except RuntimeError as error:
            raise RuntimeError(f"LiteRT finds no GPU (is its Vulkan driver installed, and libvulkan.so.1?): "
                               f"{_reason(heard(), error)}") from error
        log = heard()
    adapter = ADAPTER.search(log)
    if adapter is None:
        raise RuntimeError("LiteRT does not say which GPU it has taken")
    known: dict[str, Any] = adapter.groupdict()
    kind = known.pop("kind")
    return environment, {**known, "software": bool(SOFTWARE.search(f"{known['name']} {kind}"))}


def _compiled(content: bytes, environment: Any) -> Any:
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    from ai_edge_litert.options import GpuOptions, Options
    # Without CPU beside GPU, LiteRT refuses what the GPU does not take.
    options = Options(hardware_accelerators=HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=True))
    return CompiledModel.from_buffer(content, environment=environment, options=options)


@contextlib.contextmanager
def _heard() -> Iterator[Any]:
    """Yields a function that returns what was written to standard error since."""
    sys.stderr.flush()
    own = os.dup(2)
    with tempfile.TemporaryFile() as log:
        def text() -> str:
            log.seek(0)
            return log.read().decode(errors="replace")

        os.dup2(log.fileno(), 2)
        try:
            yield text
        finally:
            os.dup2(own, 2)
            os.close(own)


def _check(model: Any, outputs: int) -> None:
    """LiteRT calls a model fully accelerated that runs wholly on the CPU too; where its results lie tells them apart.

    Raises: RuntimeError if any part of the model runs on the processor.
    """
    places = [model.get_output_buffer_requirements(index)["supported_types"] for index in range(outputs)]
    if not model.is_fully_accelerated() or [HOST_MEMORY] in places:
        raise RuntimeError("a part of the model would run on the processor")


def _reason(log: str, error: RuntimeError) -> str:
    """Why a model was not loaded: from the log, else from the last line of the exception."""
    if refused := REFUSED.search(log):
        operators = "; ".join(line.strip() for line in refused[1].splitlines())
        return f"the GPU does not take all of its operators: {operators}"
    errors = [line.partition("] ")[2] or line for line in log.splitlines() if line.startswith("ERROR: ")]
    return errors[0] if errors else str(error).splitlines()[-1].strip("└ ")


def _signature(detail: dict[str, Any]) -> tuple[str, list[int], str]:
    shape = [int(size) for size in detail["shape"]]
    if min(shape, default=1) < 1:
        raise ValueError(f"the shape {shape} of {detail['name']!r} is not fixed")
    return detail["name"], shape, np.dtype(detail["dtype"]).name


def _one_relu() -> bytes:
    """The smallest model: with it the GPU is opened before there is another."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema
    tensors = [schema.TensorT(), schema.TensorT()]
    for tensor, name in zip(tensors, ("x", "y"), strict=True):
        tensor.name, tensor.shape, tensor.type = name, [1, 1, 1, 4], schema.TensorType.FLOAT32
    code, relu, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
    code.version = 1
    relu.inputs, relu.outputs = [0], [1]
    graph.tensors, graph.operators, graph.inputs, graph.outputs = tensors, [relu], [0], [1]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
