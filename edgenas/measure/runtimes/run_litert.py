"""Runs TFLite files with LiteRT and its XNNPACK delegate. Stands alone: numpy and ai_edge_litert or tflite_runtime.

ai_edge_litert is preferred; tflite_runtime, its predecessor with the same interface, is what older boards have.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from typing import Any

import numpy as np

FORMAT = "tflite"
SUFFIX = ".tflite"
EXTRA = "tflite"
PRECISIONS = ("fp32", "int8")
IN_CALLER = True


def _package() -> str:
    for name in ("ai_edge_litert", "tflite_runtime"):
        if importlib.util.find_spec(name):
            return name
    raise ModuleNotFoundError("neither ai_edge_litert nor tflite_runtime is installed", name="ai_edge_litert")


def version() -> str:
    """`2.3.0`, or `tflite-runtime 2.14.0` for the predecessor."""
    if _package() == "ai_edge_litert":
        return importlib.metadata.version("ai-edge-litert")
    return f"tflite-runtime {importlib.metadata.version('tflite-runtime')}"


class Session:
    def __init__(self, path: str, threads: int) -> None:
        interpreter = importlib.import_module(f"{_package()}.interpreter").Interpreter
        self._interpreter = interpreter(model_path=path, num_threads=threads)
        self._interpreter.allocate_tensors()
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.inputs = [_signature(detail) for detail in inputs]
        self.outputs = [_signature(detail) for detail in outputs]
        self._input_indices = [detail["index"] for detail in inputs]
        self._output_indices = [detail["index"] for detail in outputs]

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        self.prepare(arrays)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._output_indices]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        """Set the inputs once: the interpreter never overwrites them."""
        for position, index in enumerate(self._input_indices):
            self._interpreter.set_tensor(index, arrays[position])
        self.invoke = self._interpreter.invoke


def _signature(detail: dict[str, Any]) -> tuple[str, list[int], str]:
    if -1 in detail["shape_signature"]:
        raise ValueError(f"the shape {detail['shape_signature'].tolist()} of {detail['name']!r} is not fixed")
    return detail["name"], detail["shape"].tolist(), np.dtype(detail["dtype"]).name
