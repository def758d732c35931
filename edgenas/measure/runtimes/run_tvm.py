"""Runs shared libraries compiled by TVM Relax, on the CPU. Stands alone: numpy and tvm.

The library is what `export_library` writes for a Relax executable whose function is called `main`. It does
not hold its signature, so the exporter writes that beside it, to `<library>.json` (`net.so.json`):

    {"inputs":  [{"name": "x", "shape": [1, 3, 32, 32], "dtype": "float32"}],
     "outputs": [{"name": "y", "shape": [1, 10], "dtype": "float32"}]}

in the order of main's parameters and of the tensors that it returns (one tensor, or a tuple).

TVM makes its thread pool on first use: the first session of a process decides the number of threads.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "tvm"
SUFFIX = ".so"
EXTRA = "tvm"
LONGEST_SIGNATURE = 16 << 20  # bytes; what is cut off is no JSON
PRECISIONS = ("fp32", "int8")
IN_CALLER = True


def version() -> str:
    import tvm
    return str(tvm.__version__)


class Session:
    def __init__(self, path: str, threads: int) -> None:
        os.environ["TVM_NUM_THREADS"] = str(threads)
        import tvm
        from tvm import relax
        signature = _read_signature(Path(f"{path}.json"))
        self.inputs, self.outputs = signature["inputs"], signature["outputs"]
        self._tensor = tvm.runtime.tensor
        self._main = relax.VirtualMachine(tvm.runtime.load_module(str(Path(path).absolute())), tvm.cpu())["main"]

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        result = self._main(*(self._tensor(array) for array in arrays))
        return [tensor.numpy() for tensor in ([result] if hasattr(result, "numpy") else result)]

    def prepare(self, arrays: list[np.ndarray]) -> None:
        self.invoke = functools.partial(self._main, *(self._tensor(array) for array in arrays))


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
