"""Ways to schedule a kernel with a reduction: the rule's, and those near it that tuning tries (see tvm_tuning.py)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from edgenas.export.tvm.machine import Machine
from edgenas.export.tvm.tiles import Tile, best_tiles

Order = Literal["blocks", "rows", "pixels"]
UNROLLED = 200
"""Most multiplications to write out in the innermost loop: LLVM would keep more values than there are registers."""
TILES = 8
"""How many tiles are tried, those that need the fewest instructions."""


@dataclass(frozen=True)
class Variant:
    """order: which loop over tiles is outermost: blocks of channels, rows with the blocks within, or rows and columns
    with the blocks within. unrolled: most multiplications to write out in the innermost loop.
    """

    tile: Tile
    order: Order = "blocks"
    unrolled: int = UNROLLED


def variants(machine: Machine, blocks: int, rows: int, columns: int, *, shared: bool) -> tuple[Variant, ...]:
    """All that are tried for an output of so many blocks, rows and columns, the rule's first; `shared` as in
    best_tiles()."""
    tiles = best_tiles(machine, blocks, rows, columns, shared=shared)[:TILES]
    orders: Sequence[Order] = ("blocks", "rows", "pixels") if blocks > 1 and rows * columns > 1 else ("blocks",)
    return tuple(Variant(*chosen) for chosen in itertools.product(tiles, orders, (UNROLLED, 48, 800)))


def neighbours(variant: Variant, among: Sequence[Variant]) -> Iterator[Variant]:
    """Those that differ in one respect."""
    for other in among:
        if sum(getattr(variant, part.name) != getattr(other, part.name) for part in fields(Variant)) == 1:
            yield other
