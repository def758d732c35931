"""Runs networks that are C libraries (see export/exporters/library.py), on the CPU. Stands alone: numpy.

The library does not hold its signature, which the exporter writes beside it, to `<library>.json`.
"""

from __future__ import annotations

import _ctypes
import ctypes
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "library"
SUFFIX = "_c.so"
EXTRA = "tvm"
LONGEST_SIGNATURE = 16 << 20  # bytes; what is cut off is no JSON
IN_CALLER = True


def version() -> str:
    """Of the C interface: there is no runtime but the library itself."""
    return "1"


class Session:
    def __init__(self, path: str, threads: int) -> None:
        if threads != 1:
            raise ValueError(f"the library runs on one thread, not on {threads}")
        signature = _read_signature(Path(f"{path}.json"))
        self.inputs, self.outputs = signature["inputs"], signature["outputs"]
        self._library = ctypes.CDLL(str(Path(path).absolute()))
        # A library that stays open is what a later session gets at the same path, whatever is there by then.
        weakref.finalize(self, _ctypes.dlclose, self._library._handle)
        self._library.edgenas_error.restype = ctypes.c_char_p
        self._output = np.empty(self.outputs[0][1], np.float32)

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        self.prepare(arrays)
        self.invoke()
        return [self._output.copy()]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        self._input = np.ascontiguousarray(arrays[0], np.float32)
        if list(self._input.shape) != self.inputs[0][1]:
            raise ValueError(f"the input has the shape {self._input.shape}; it must be {self.inputs[0][1]}")
        self._arguments = self._input.ctypes.data_as(ctypes.c_void_p), self._output.ctypes.data_as(ctypes.c_void_p)

    def invoke(self) -> None:
        if self._library.edgenas_run(*self._arguments):
            raise RuntimeError(self._library.edgenas_error().decode(errors="replace"))


def _read_signature(path: Path) -> dict[str, list[tuple[str, list[int], str]]]:
    try:
        with path.open("rb") as stream:
            known: dict[str, Any] = json.loads(stream.read(LONGEST_SIGNATURE))
        return {side: [(item["name"], [int(size) for size in item["shape"]], np.dtype(item["dtype"]).name)
                       for item in known[side]] for side in ("inputs", "outputs")}
    except FileNotFoundError:
        raise ValueError(f"the signature {path.name!r} is missing beside the library") from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path.name!r} is no signature of inputs and outputs: {error!r}") from error
