"""How much of an ONNX or TFLite file is int8."""

from __future__ import annotations

from pathlib import Path

from edgenas.export.check.coverage import Coverage


def coverage(path: Path) -> Coverage | None:
    """Of an ONNX or TFLite file; None of others."""
    if path.suffix == ".onnx":
        from edgenas.export.onnx.coverage import onnx_coverage
        return onnx_coverage(path.read_bytes())
    if path.suffix == ".tflite":
        from edgenas.export.tflite.coverage import tflite_coverage
        return tflite_coverage(path.read_bytes())
    return None
