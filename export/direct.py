"""Writing files without an official exporter, for modules whose every operator is in the vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from edgenas.export.ir.lowering import NotLoweredError, lower
from edgenas.export.ir.ops import Lowered
from edgenas.export.ir.tracing import check, evaluating
from edgenas.files import replacing

from .base import Done, Export


def lowered(item: Export) -> Lowered:
    """Raises: NotLoweredError."""
    return lower(item.module, item.example.contiguous())


def directly(items: Sequence[Export], content: Callable[[Export], bytes],
             on_done: Done | None = None) -> dict[int, NotLoweredError]:
    """Write `content` of every item that can be lowered; returns why the others cannot, by position.

    content: raises NotLoweredError for one that cannot.

    Raises: ExportError as program.check() does, or as `content` does.
    """
    left: dict[int, NotLoweredError] = {}
    for position, item in enumerate(items):
        with evaluating([item.module]), torch.no_grad():
            check(item)
            try:
                made = content(item)
            except NotLoweredError as reason:
                left[position] = reason
                continue
        with replacing(item.path) as scratch:
            scratch.write_bytes(made)
        if on_done:
            on_done(item)
    return left
