"""int8 ONNX models: the fp32 operators between pairs of QuantizeLinear and DequantizeLinear (QDQ); or some of them.

onnxruntime makes one integer kernel of `DequantizeLinear -> operator -> QuantizeLinear`. Activations are uint8, weights
int8 by channel: the combination that it has fast kernels for on x86.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgenas.export.ir.ops import Constant, Conv, Lowered, Op, Pad, Pool, Round
from edgenas.export.onnx.writer import Graph, finished
from edgenas.export.quantise.quantised import Quantised
from edgenas.export.quantise.scale import HIGH, LOW, Scale
from edgenas.export.quantise.scales import weights

SHIFT = -LOW
"""What uint8 is above int8: a model's uint8 value 128 is TFLite's 0."""
LIMITS = {"relu": np.inf, "relu6": 6.0}


def content_int8(network: Quantised) -> bytes:
    """A model of float32 input `image` and output `logits`. In mixed precision, operators without a scale of their
    output are as in the fp32 model."""
    lowered = padding_inside(network.lowered)
    graph = _QuantisedGraph(network.scales)
    given = "0" if lowered.mixed else "image"
    if not lowered.mixed:
        graph.round(given, 0)
    for op in lowered.ops:
        graph.put(op)
    return finished(graph, lowered, given, str(lowered.output))


def padding_inside(lowered: Lowered) -> Lowered:
    """Padding as part of the operator that needs it, as ONNX has it: that is one kernel less."""
    pads = {op.output: op for op in lowered.ops if isinstance(op, Pad)}
    joined = tuple(_joined(pads[op.inputs[0]], op) if op.inputs[0] in pads and isinstance(op, Conv | Pool) else op
                   for op in lowered.ops)
    used = {index for op in joined for index in op.inputs} | {lowered.output}
    return replace(lowered, ops=tuple(op for op in joined if not isinstance(op, Pad) or op.output in used))


def _joined(pad: Pad, op: Conv | Pool) -> Conv | Pool:
    top, bottom, left, right = (outer + inner for outer, inner in zip(pad.sides, op.padding, strict=True))
    return replace(op, inputs=pad.inputs, padding=(top, bottom, left, right))


class _QuantisedGraph(Graph):
    """Value 5 is called `5` as its users have it, dequantised; `5.real` before it is rounded."""

    def __init__(self, scales: dict[int, Scale]) -> None:
        super().__init__()
        self._scales = scales

    def put(self, op: Op) -> None:
        if op.output not in self._scales:
            self.operator(op, str(op.output))
            return
        if isinstance(op, Round):
            self.round(str(op.inputs[0]), op.output)
            return
        if op.activation and self._clips(op):
            op = replace(op, activation=None)
        self.operator(op, f"{op.output}.real")
        self.round(f"{op.output}.real", op.output)

    def round(self, real: str, index: int) -> None:
        scale = self._scales[index]
        both = self._grid(str(index), np.float32(scale.scale), np.uint8(scale.zero_point + SHIFT))
        self.node("QuantizeLinear", [real, *both], f"{index}.int8")
        self.node("DequantizeLinear", [f"{index}.int8", *both], str(index))

    def _clips(self, op: Op) -> bool:
        """Whether rounding to the output's scale does what the activation does."""
        scale = self._scales[op.output]
        highest = (HIGH - scale.zero_point) * scale.scale
        return scale.zero_point == LOW and highest <= LIMITS[str(op.activation)] * (1 + 1e-6)

    def _grid(self, name: str, scale: Any, zero_point: Any) -> list[str]:
        return [self.weight(f"{name}.scale", scale), self.weight(f"{name}.zero", zero_point)]

    def _dequantised(self, name: str, values: Any, scale: Any, zero_point: Any, **attributes: int) -> str:
        self.node("DequantizeLinear", [self.weight(f"{name}.int8", values), *self._grid(name, scale, zero_point)], name,
                  **attributes)
        return name

    def _weights(self, op: Any) -> list[str]:
        if op.output not in self._scales:
            return super()._weights(op)
        weight, bias, scale = weights(op.weight, op.bias, self._scales[op.inputs[0]])
        return [self._dequantised(f"{op.output}.weight", weight, scale, np.zeros(len(scale), np.int8), axis=0),
                self._dequantised(f"{op.output}.bias", bias, scale * np.float32(self._scales[op.inputs[0]].scale),
                                  np.zeros(len(scale), np.int32), axis=0)]

    def _number(self, op: Constant, name: str) -> str:
        if op.output not in self._scales:
            return super()._number(op, name)
        value = np.uint8(SHIFT + (HIGH if op.value > 0 else -HIGH))
        return self._dequantised(name, value, np.float32(abs(op.value) / HIGH), np.uint8(SHIFT))
