"""int8: the scale and zero point of every value, from the ranges seen on calibration inputs.

The rules are those of TFLite's specification (https://ai.google.dev/edge/litert/models/quantization_spec):
activations asymmetric by tensor, weights symmetric by output channel, biases int32.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgenas.errors import ExportError, UsageError

from .base import Export
from .ops import Activation, Array, Concat, Lowered, Op, Pad, Pool, Reshape
from .scale import HIGH, LOW, Scale

BATCH = 32  # images computed at once
SHARING = (Concat, Pad, Pool, Reshape)  # they move values about: one scale for inputs and output
BIAS_LIMIT = 2.0**30  # leaves the accumulator as much room again

Range = tuple[float, float]
SIGMOID = Scale(scale=1 / 256, zero_point=LOW)  # the only one that its kernel knows


def random_calibration(example: Tensor, n: int = 8, seed: int = 0) -> Tensor:
    """Standard-normal inputs (n, ...) like `example` (1, ...): good enough to time a file, not to use it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *example.shape[1:], generator=generator)


def check_calibration(item: Export) -> None:
    """Raises: UsageError when the item's calibration inputs are missing or unlike its example."""
    images, wanted = item.calibration, tuple(item.example.shape[1:])
    if images is None or not len(images):
        raise UsageError(f"{item.path.name}: int8 needs calibration inputs, and there are none",
                         "give some hundred inputs as in use, or export it in fp32")
    if images.dtype != torch.float32 or tuple(images.shape[1:]) != wanted or not images.isfinite().all():
        raise UsageError(f"{item.path.name}: the calibration inputs are {images.dtype} of shape {tuple(images.shape)}, "
                         f"but must be finite float32 of shape (n, {', '.join(map(str, wanted))})")


def observed(lowered: Lowered, images: Tensor) -> dict[int, Range]:
    """Smallest and largest element of every value over all images (N, ...), a padding's minus infinity aside."""
    ranges: dict[int, Range] = {}
    with torch.no_grad():
        for batch in torch.split(images, BATCH):
            for index, value in lowered.run(batch):
                low, high = (float(limit) for limit in value.aminmax())
                low = min(high, 0.0) if low == -math.inf else low
                known = ranges.get(index, (low, high))
                ranges[index] = (min(low, known[0]), max(high, known[1]))
    return ranges


def scales(lowered: Lowered, ranges: dict[int, Range]) -> dict[int, Scale]:
    """Scale and zero point of every value; those that an operator only moves about share one.

    Raises: ExportError when a sigmoid, whose scale is fixed, must share it with larger values.
    """
    sigmoids = {op.output for op in lowered.ops if isinstance(op, Activation) and op.kind == "sigmoid"}
    found: dict[int, Scale] = {}
    for group in _groups(lowered):
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


def weights(weight: Array, bias: Array | None, given: Scale) -> tuple[NDArray[np.int8], NDArray[np.int32], Array]:
    """A weight (outputs, ...) and bias in int8 and int32, and the weight's scale by output (outputs,).

    given: the scale of the operator's input. The bias has the product of both scales, which are such that it fits.
    """
    flat = weight.reshape(len(weight), -1)
    bias = np.zeros(len(weight), np.float32) if bias is None else bias
    scale = np.maximum(np.abs(flat).max(1) / HIGH, np.abs(bias) / (given.scale * BIAS_LIMIT)).astype(np.float32)
    scale[scale == 0] = scale.max() or 1.0
    quantised = np.rint(flat / scale[:, None]).clip(-HIGH, HIGH).astype(np.int8).reshape(weight.shape)
    return quantised, np.rint(bias / (scale.astype(np.float64) * given.scale)).astype(np.int32), scale


def _groups(lowered: Lowered) -> list[set[int]]:
    """The values that share one scale."""
    groups = {index: {index} for index in (0, *(op.output for op in lowered.ops))}
    for op in filter(_shares, lowered.ops):
        joined = set[int]().union(*(groups[index] for index in (*op.inputs, op.output)))
        groups |= dict.fromkeys(joined, joined)
    return list({id(group): group for group in groups.values()}.values())


def _shares(op: Op) -> bool:
    return isinstance(op, SHARING)
