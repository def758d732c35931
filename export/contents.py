"""What an exported file holds: its signature, its operators, the size of its weights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from edgenas.errors import ExportError, UsageError
from edgenas.export.base import optional


class TensorSpec(BaseModel):
    """An input or output: its name, shape and NumPy dtype."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    shape: tuple[int, ...]
    dtype: str


Specs = tuple[TensorSpec, ...]


class Sidecar(BaseModel):
    """What stands beside a TVM library, which does not hold it: `<path>.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: Specs
    outputs: Specs
    operators: dict[str, int]
    target: str


def sidecar_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def signature(path: Path) -> tuple[Specs, Specs]:
    """Inputs and outputs of an exported file, in the order in which a runtime takes and gives them.

    Raises: UsageError for a file of no known format; ExportError for one that cannot be read.
    """
    inputs, outputs, _ = _contents(path)
    return inputs, outputs


def operators(path: Path) -> dict[str, int]:
    """How often each operator occurs in an exported file; errors as for signature().

    Those of a TVM library are the Relax operators that it was compiled from.
    """
    return dict(sorted(_contents(path)[2].items()))


def weights_bytes(path: Path) -> int:
    """Bytes of the weights in an ONNX file; errors as for signature()."""
    onnx = optional("onnx", "onnx")
    weights = _read(path, lambda: onnx.load_model(path)).graph.initializer
    return sum(math.prod(weight.dims) * onnx.helper.tensor_dtype_to_np_dtype(weight.data_type).itemsize
               for weight in weights)


def _contents(path: Path) -> tuple[Specs, Specs, Counter[str]]:
    readers = {".onnx": _onnx, ".tflite": _tflite, ".so": _tvm}
    if path.suffix not in readers:
        raise UsageError(f"{path.name!r} is no exported network", f"files are named *{', *'.join(readers)}")
    return _read(path, lambda: readers[path.suffix](path))


def _read[T](path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except UsageError:
        raise
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:
        raise ExportError(f"{path} is damaged: it cannot be read as {path.suffix[1:]}", "export it again") from error
