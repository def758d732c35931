"""Which layer of a network its exported file computes differently from PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from edgenas.export.base import Exporter
from edgenas.export.check.values import Layer, layers

# RMS of the difference as a share of the value's RMS. fp32: ten times what rounding does, because the layers after a
# wrong one may damp its error, and would then be taken for right, and it with them. int8: twice what rounding does.
TOLERANCES = {"fp32": 1e-4, "int8": 0.3}

Values = Sequence[NDArray[Any]]


def first_divergence(module: nn.Module, image: Tensor, path: Path, export: Exporter,
                     precision: str = "fp32") -> str | None:
    """The first layer of `module` whose value for `image` (1, ...) the file at `path` does not hold; None if all agree.

    A layer counts as right if the file holds its value, in whatever layout, or that of a layer after it: so what an
    exporter fused or split is not taken for wrong. Of several, it is the first that PyTorch executes; of those that the
    file has fused into one, the first stands for all.

    Raises: UsageError for a format whose values cannot be seen.
    """
    held = export.values(path, image.numpy())
    return divergence(layers(module, image), held, TOLERANCES[precision])


def divergence(reference: Sequence[Layer], held: Values, tolerance: float) -> str | None:
    """The name of the first layer that leads to no value which is `held`; None if the last one's value is."""
    right = [not layer.inputs or layer.value is not None and any(
        equal(layer.value, value, tolerance) for value in held) for layer in reference]
    for position in reversed(range(len(reference))):
        for given in reference[position].inputs:
            right[given] = right[given] or right[position]
    needed = _needed(reference)
    return next((layer.name for position, layer in enumerate(reference) if position in needed and not right[position]),
                None)


def _needed(reference: Sequence[Layer]) -> set[int]:
    """Positions of what the last layer depends on, itself too."""
    found = {len(reference) - 1}
    for position in reversed(range(len(reference))):
        if position in found:
            found.update(reference[position].inputs)
    return found


def equal(expected: NDArray[Any], found: NDArray[Any], tolerance: float) -> bool:
    """Whether `found`, in one of the layouts that a runtime uses, is `expected`. A constant value proves nothing."""
    if found.size < expected.size or np.ptp(expected) == 0:
        return False
    wanted = expected.squeeze()
    scale = float(np.sqrt(np.mean(np.square(expected, dtype=np.float64)))) or 1.0
    return any(float(np.sqrt(np.mean(np.square(laid.squeeze() - wanted, dtype=np.float64)))) <= tolerance * scale
               for laid in _layouts(found, expected) if laid.squeeze().shape == wanted.shape)


def _layouts(value: NDArray[Any], expected: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """A value as it is, and as (N, C, H, W) from (N, H, W, C) or (N, blocks, H, W, c), where blocks * c >= C."""
    yield value
    if value.ndim == 4:
        yield value.transpose(0, 3, 1, 2)
    if value.ndim == 5:
        batch, outer, height, width, inner = value.shape
        plain = value.transpose(0, 1, 4, 2, 3).reshape(batch, outer * inner, height, width)
        yield plain[:, :expected.shape[1]] if expected.ndim > 1 else plain
