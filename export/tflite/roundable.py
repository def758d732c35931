"""Operators that Google's quantizer leaves in float32, in operators that it rounds to int8.

Its converter writes deviations and norms with the operator ABS, of which it knows no int8. Each function takes what
PyTorch's operator of that name takes and computes the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def absolute(x: Tensor) -> Tensor:
    return torch.maximum(x, x * -1.0)


def variance(x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = None,
             keepdim: bool = False) -> Tensor:
    axes = _axes(x, dim)
    away = x - x.mean(axes, keepdim=True)
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    divisor = max(0.0, count - (1 if correction is None else correction))
    return (away * away).mean(axes, keepdim=keepdim) * (count / divisor if divisor else float("nan"))


def deviation(x: Tensor, dim: Sequence[int] | None = None, *, correction: float | None = None,
              keepdim: bool = False) -> Tensor:
    return variance(x, dim, correction=correction, keepdim=keepdim).sqrt()


def norm(x: Tensor, ord: float = 2, dim: int | Sequence[int] | None = None, keepdim: bool = False, *,
         dtype: torch.dtype | None = None) -> Tensor:
    """Of order 1 or 2; another stays the operator that it was."""
    axes = _axes(x, dim)
    if ord == 2:
        return (x * x).sum(axes, keepdim=keepdim).sqrt()
    if ord == 1:
        return absolute(x).sum(axes, keepdim=keepdim)
    found: Tensor = torch.linalg.vector_norm(x, ord, dim, keepdim, dtype=dtype)
    return found


def _axes(x: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    return [dim] if isinstance(dim, int) else list(dim or range(x.ndim))


ROUNDABLE: dict[Any, Callable[..., Tensor]] = {
    torch.ops.aten.abs.default: absolute, torch.ops.aten.var.correction: variance,
    torch.ops.aten.std.correction: deviation, torch.ops.aten.linalg_vector_norm.default: norm,
}
