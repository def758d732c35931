"""int8 ONNX files by onnxruntime's own quantizer."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgenas.export.onnx.graph import canonical
from edgenas.export.quiet import quiet

TRIED = 2  # calibration inputs for finding out which operator the quantizer fails at


class QuantizerError(Exception):
    """The quantizer failed; the message names the operator and its reason."""


def quantised(model: bytes, calibration: Tensor) -> bytes:
    """An fp32 ONNX model of input `image` with quantisation as pairs of QuantizeLinear and DequantizeLinear (QDQ).

    Activations uint8, weights int8 by channel, which is what onnxruntime has fast kernels for on x86; ranges are the
    smallest and largest values on `calibration` (n, ...).

    Raises: QuantizerError naming the operator that the quantizer fails at.
    """
    from onnxruntime import quantization as ort
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder, quiet():
        given, prepared = (Path(folder) / f"{name}.onnx" for name in ("given", "prepared"))
        given.write_bytes(model)
        # All shapes are known; onnxruntime's own inference of symbolic ones fails at operators that it does not know.
        ort.quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        try:
            return _quantised(prepared, calibration)
        except Exception as error:  # a library's own failure, of whatever kind
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise QuantizerError(f"onnxruntime's quantizer fails at operator {_guilty(prepared, calibration)}: "
                                 f"{reason}") from error


def _quantised(prepared: Path, calibration: Tensor, without: Collection[str] = ()) -> bytes:
    """without: names of nodes that stay in float32."""
    import onnx
    from onnxruntime import quantization as ort
    made = prepared.with_name("made.onnx")
    ort.quantize_static(
        str(prepared), str(made), _Reader(calibration), quant_format=ort.QuantFormat.QDQ,
        activation_type=ort.QuantType.QUInt8, weight_type=ort.QuantType.QInt8, per_channel=True,
        calibrate_method=ort.CalibrationMethod.MinMax, nodes_to_exclude=list(without),
        extra_options={"TensorQuantOverrides": _by_tensor(onnx.load_model(prepared).graph, ort.QuantType.QInt8)})
    content: bytes = canonical(onnx.load(made)).SerializeToString(deterministic=True)
    return content


def _by_tensor(graph: Any, kind: Any) -> dict[str, list[dict[str, Any]]]:
    """Weights with one scale for all channels: those of transposed convolutions in groups, whose output channels are
    no axis of the weights."""
    grouped = [node for node in graph.node if node.op_type == "ConvTranspose"
               and any(attribute.name == "group" and attribute.i > 1 for attribute in node.attribute)]
    return {node.input[1]: [{"quant_type": kind, "symmetric": True}] for node in grouped}


def _guilty(prepared: Path, calibration: Tensor) -> str:
    """The operator without which the quantizer does not fail."""
    import onnx
    nodes = onnx.load_model(prepared).graph.node
    for name in sorted({node.op_type for node in nodes}):
        try:
            _quantised(prepared, calibration[:TRIED], [node.name for node in nodes if node.op_type == name])
        except Exception:  # noqa: S112  the next one may be it
            continue
        return str(name)
    return f"({', '.join(sorted({node.op_type for node in nodes}))}: which one cannot be told)"


class _Reader:
    """onnxruntime asks for one input after the other."""

    def __init__(self, calibration: Tensor) -> None:
        self._images: Iterator[Tensor] = iter(torch.split(calibration, 1))

    def get_next(self) -> dict[str, Any] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image.contiguous().numpy()}
