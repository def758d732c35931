"""Every value that a TFLite file computes in LiteRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.export.extras import import_extra


def values(path: Path, image: NDArray[Any]) -> list[NDArray[Any]]:
    """The real values of all tensors for an image (1, ...), in the file's order and layout, by TFLite's own kernels.

    XNNPACK keeps its values to itself: a file that is right here and wrong otherwise is computed wrongly by XNNPACK.
    """
    litert = import_extra("ai_edge_litert.interpreter", "tflite")
    interpreter = litert.Interpreter(
        model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    interpreter.set_tensor(given["index"], _stored(_arranged(image, tuple(given["shape"])), given))
    interpreter.invoke()
    made = {int(index) for operator in interpreter._get_ops_details() for index in operator["outputs"]}
    details = [detail for detail in interpreter.get_tensor_details() if detail["index"] in made]
    return [_real(interpreter.get_tensor(detail["index"]), detail) for detail in details]


def _arranged(image: NDArray[Any], wanted: tuple[int, ...]) -> NDArray[Any]:
    return np.ascontiguousarray(image if image.shape == wanted else image.transpose(0, 2, 3, 1))


def _stored(value: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    scale, zero_point = detail["quantization"]
    if not scale:
        return value
    limits = np.iinfo(detail["dtype"])
    stored: NDArray[Any] = np.rint(value / scale + zero_point).clip(limits.min, limits.max).astype(detail["dtype"])
    return stored


def _real(value: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    scale, zero_point = detail["quantization"]
    real: NDArray[Any] = (value.astype(np.float32) - zero_point) * np.float32(scale) if scale else value
    return real
