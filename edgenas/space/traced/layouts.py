"""Where a value has its channels, and whose they are; and what becomes of that when its axes change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Shape = Sequence[int]


@dataclass(frozen=True)
class Span:
    """Consecutive channels: those of `group` in order, each `repeat` times in a row."""

    group: int
    count: int
    repeat: int = 1


@dataclass(frozen=True)
class Layout:
    """Which axis of a value its channels are on, and whose they are."""

    axis: int
    spans: tuple[Span, ...]


def averaged(layout: Layout, before: Shape, after: Shape, dims: Any) -> Layout | None:
    """Of a mean or the like over some axes; None over the channels, the batch, or all."""
    axes = {axis % len(before) for axis in ([dims] if isinstance(dims, int) else dims or [])}
    if not axes or layout.axis in axes or 0 in axes:
        return None
    gone = 0 if len(before) == len(after) else sum(axis < layout.axis for axis in axes)
    return Layout(layout.axis - gone, layout.spans)


def reshaped(layout: Layout, before: Shape, after: Shape) -> Layout | None:
    """Channels that stay an axis of their own, or are drawn out into a vector with the pixels behind them."""
    ahead, behind = math.prod(before[:layout.axis]), math.prod(before[layout.axis + 1:])
    for axis in range(1, len(after)):
        if math.prod(after[:axis]) != ahead:
            continue
        if after[axis] == before[layout.axis] and math.prod(after[axis + 1:]) == behind:
            return Layout(axis, layout.spans)
        if after[axis] == before[layout.axis] * behind and axis == len(after) - 1:
            return Layout(axis, tuple(Span(s.group, s.count, s.repeat * behind) for s in layout.spans))
    return None


def moved(layout: Layout, rank: int, given: list[Any], *, swap: bool) -> Layout | None:
    """Of a permutation to the order `given`, or of two axes that `swap`; None where that is not known yet."""
    axes = list(given[0]) if len(given) == 1 and isinstance(given[0], Sequence) else given
    if not axes or not all(isinstance(axis, int) for axis in axes):
        return None
    order = [axis % rank for axis in axes]
    if swap:
        swapped = list(range(rank))
        swapped[order[0]], swapped[order[1]] = swapped[order[1]], swapped[order[0]]
        order = swapped
    return Layout(order.index(layout.axis), layout.spans)
