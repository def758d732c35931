"""onnxruntime with basic optimisations only. Stands alone, as it is pushed to devices: numpy and onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np

FORMAT = "onnx"
SUFFIX = ".onnx"
EXTRA = "onnx"


def version() -> str:
    import onnxruntime

    return f"{onnxruntime.__version__} basic"


class Session:
    def __init__(self, path: str, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [(item.name, list(item.shape), "float32") for item in self._session.get_inputs()]
        self.outputs = [(item.name, list(item.shape), "float32") for item in self._session.get_outputs()]

    def run(self, arrays: list[np.ndarray]) -> list[Any]:
        return list(self._session.run(None, {self.inputs[0][0]: arrays[0]}))

    def prepare(self, arrays: list[np.ndarray]) -> None:
        self._arrays = arrays

    def invoke(self) -> None:
        self.run(self._arrays)
