"""int8 ONNX files by onnxruntime's own quantizer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .onnx_graph import canonical
from .quiet import quiet


def quantised(model: bytes, calibration: Tensor) -> bytes:
    """An fp32 ONNX model of input `image` with quantisation as pairs of QuantizeLinear and DequantizeLinear (QDQ).

    Activations uint8, weights int8 by channel, which is what onnxruntime has fast kernels for on x86; ranges are the
    smallest and largest values on `calibration` (n, ...).
    """
    from onnxruntime import quantization as ort
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder, quiet():
        given, prepared, made = (Path(folder) / f"{name}.onnx" for name in ("given", "prepared", "made"))
        given.write_bytes(model)
        ort.quant_pre_process(str(given), str(prepared))
        ort.quantize_static(
            str(prepared), str(made), _Reader(calibration), quant_format=ort.QuantFormat.QDQ,
            activation_type=ort.QuantType.QUInt8, weight_type=ort.QuantType.QInt8, per_channel=True,
            calibrate_method=ort.CalibrationMethod.MinMax)
        import onnx
        content: bytes = canonical(onnx.load(made)).SerializeToString(deterministic=True)
    return content


class _Reader:
    """onnxruntime asks for one input after the other."""

    def __init__(self, calibration: Tensor) -> None:
        self._images: Iterator[Tensor] = iter(torch.split(calibration, 1))

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image.contiguous().numpy()}
