"""Operators as runtimes like them: batch normalisation folded, ReLU and ReLU6 fused, what is not needed left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgenas.export.ir.ops import FUSABLE, Activation, Conv, Lowered, Norm, Op
from edgenas.export.ir.vocabulary import OutsideError


def tidy(lowered: Lowered) -> Lowered:
    """Raises: OutsideError for a batch normalisation that is not its convolution's only user."""
    lowered = needed(lowered)
    makers: dict[int, Op] = {}
    for op in lowered.ops:
        before = makers.get(op.inputs[0]) if lowered.uses(op.inputs[0]) == 1 else None
        joined = _joined(before, op) if before is not None else None
        if before is not None and joined is not None:
            del makers[before.output]
        elif isinstance(op, Norm):
            raise OutsideError("operator BatchNorm2d without a convolution of its own before it is outside the "
                               "vocabulary")
        makers[op.output] = joined or op
    return replace(lowered, ops=tuple(makers.values()))


def needed(lowered: Lowered) -> Lowered:
    """Without the operators that the output does not depend on."""
    wanted = {lowered.output}
    kept: list[Op] = []
    for op in reversed(lowered.ops):
        if op.output in wanted:
            kept.insert(0, op)
            wanted.update(op.inputs)
    return replace(lowered, ops=tuple(kept))


def _joined(before: Op, op: Op) -> Op | None:
    """Both as one operator, None where that cannot be."""
    if before.int8 != op.int8:
        return None
    if isinstance(op, Norm) and isinstance(before, Conv) and before.activation is None:
        weight = before.weight * op.scale[:, None, None, None]
        bias = op.shift if before.bias is None else before.bias * op.scale + op.shift
        return replace(before, output=op.output, weight=weight.astype(np.float32), bias=bias.astype(np.float32))
    if isinstance(op, Activation) and op.kind in FUSABLE and before.fuses and before.activation is None:
        return replace(before, output=op.output, activation=op.kind)
    return None
