"""int8: a network with the scale and zero point of every value, from the ranges seen on calibration inputs.

The rules are those of TFLite's specification (https://ai.google.dev/edge/litert/models/quantization_spec):
activations asymmetric by tensor, weights symmetric by output channel, biases int32. Every format is written from the
same scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgenas.errors import UsageError
from edgenas.export.base import Export
from edgenas.export.ir.lowering import lower
from edgenas.export.ir.ops import Lowered
from edgenas.export.quantise.fake_quantised import FakeQuantised
from edgenas.export.quantise.scale import Scale
from edgenas.export.quantise.scales import Range, scales
from edgenas.export.tflite.layout import arranged

BATCH = 32  # images computed at once


@dataclass(frozen=True, eq=False)
class Quantised:
    """lowered: operators as TFLite computes them (see tflite_layout.py), weights in float32 still. scales: of every
    value; in mixed precision, of those that are int8."""

    lowered: Lowered
    scales: dict[int, Scale]


def quantise(item: Export, precision: str = "int8") -> Quantised:
    """The item's module with ranges from its calibration inputs, or with its own where it was trained with them.

    precision: int8 or mixed.

    Raises: NotLoweredError naming the operator that is outside the vocabulary; ExportError for one that int8 cannot
    express.
    """
    if isinstance(item.module, FakeQuantised):
        return Quantised(item.module.lowered(), item.module.scales())
    assert item.calibration is not None
    lowered = arranged(lower(item.module, item.example.contiguous(), mixed=precision == "mixed"))
    return Quantised(lowered, scales(lowered, observed(lowered, item.calibration)))


def trainable(module: nn.Module, calibration: Tensor, precision: str = "int8") -> FakeQuantised:
    """The module, in eval mode, as a network to train further as its file of `precision` rounds it. Errors as for
    quantise()."""
    lowered = arranged(lower(module, calibration[:1].contiguous(), mixed=precision == "mixed"))
    ranges = observed(lowered, calibration)
    scales(lowered, ranges)
    return FakeQuantised(lowered, ranges)


def check_calibration(item: Export) -> None:
    """Raises: UsageError when the item's calibration inputs are missing or unlike its example."""
    if isinstance(item.module, FakeQuantised):
        return
    images, wanted = item.calibration, tuple(item.example.shape[1:])
    if images is None or not len(images):
        raise UsageError(f"{item.path.name}: int8 needs calibration inputs, and there are none",
                         "give some hundred inputs as in use, or export it in fp32")
    if images.dtype != torch.float32 or tuple(images.shape[1:]) != wanted or not images.isfinite().all():
        raise UsageError(f"{item.path.name}: the calibration inputs are {images.dtype} of shape {tuple(images.shape)}, "
                         f"but must be finite float32 of shape (n, {', '.join(map(str, wanted))})")


def random_calibration(example: Tensor, n: int = 8, seed: int = 0) -> Tensor:
    """Standard-normal inputs (n, ...) like `example` (1, ...): good enough to time a file, not to use it."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *example.shape[1:], generator=generator)


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
