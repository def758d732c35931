"""int8 scales that follow from ranges, and weights rounded to them: see quantised.py."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgenas.errors import ExportError
from edgenas.export.ir.ops import Activation, Array, Concat, Lowered, Pad, Pool, Reshape
from edgenas.export.quantise.scale import HIGH, LOW, Scale

SHARING = (Concat, Pad, Pool, Reshape)  # they move values about: one scale for inputs and output
BIAS_LIMIT = 2.0**30  # leaves the accumulator as much room again

Range = tuple[float, float]
SIGMOID = Scale(scale=1 / 256, zero_point=LOW)  # the only one that its kernel knows


def scales(lowered: Lowered, ranges: Mapping[int, Range]) -> dict[int, Scale]:
    """Scale and zero point of every value that is rounded; those that an operator only moves about share one.

    Raises: ExportError when a sigmoid, whose scale is fixed, must share it with larger values.
    """
    sigmoids = {op.output for op in lowered.ops if isinstance(op, Activation) and op.kind == "sigmoid"}
    found: dict[int, Scale] = {}
    for group in groups(lowered):
        low = min(ranges[index][0] for index in group)
        high = max(ranges[index][1] for index in group)
        if group & sigmoids and (low < 0 or high > 1):
            raise ExportError("a sigmoid shares its scale, which is fixed, with values beyond 0 to 1",
                              "do not concatenate them, or export it in fp32")
        found |= dict.fromkeys(group, SIGMOID if group & sigmoids else spread(low, high))
    return found


LEAST_SCALE = 1e-30
"""A range of less is nought: its scale would be no normal float32."""


def spread(low: float, high: float) -> Scale:
    """The scale of values between two limits, 0 among them."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / (HIGH - LOW)))
    if scale < LEAST_SCALE:
        scale = 1.0
    return Scale(scale=scale, zero_point=int(np.clip(round(LOW - low / scale), LOW, HIGH)))


def weight_scales(weight: Array, bias: Array, given: Scale) -> Array:
    """The scale of a weight (outputs, ...) by output (outputs,), such that the bias fits its int32.

    given: the scale of the operator's input. The bias has the product of both scales.
    """
    largest = np.abs(weight.reshape(len(weight), -1)).max(1)
    scale = np.maximum(largest / HIGH, np.abs(bias) / (given.scale * BIAS_LIMIT)).astype(np.float32)
    scale[scale == 0] = scale.max() or 1.0
    result: Array = scale
    return result


def weights(weight: Array, bias: Array | None, given: Scale) -> tuple[NDArray[np.int8], NDArray[np.int32], Array]:
    """A weight (outputs, ...) and bias in int8 and int32, and the weight's scale by output (outputs,)."""
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    scale = weight_scales(weight, bias, given)
    steps = scale.reshape(-1, *(1,) * (weight.ndim - 1))
    quantised = np.rint(weight / steps).clip(-HIGH, HIGH).astype(np.int8)
    return quantised, np.rint(bias / (scale.astype(np.float64) * given.scale)).astype(np.int32), scale


def groups(lowered: Lowered) -> list[set[int]]:
    """The rounded values, those together that share one scale."""
    found = {index: {index} for index in sorted(lowered.rounded)}
    for op in (op for op in lowered.ops if isinstance(op, SHARING) and op.output in found):
        joined = set[int]().union(*(found[index] for index in (*op.inputs, op.output)))
        found |= dict.fromkeys(joined, joined)
    return list({id(group): group for group in found.values()}.values())
