"""The schedule of a convolution, a pool or a mean, with what is fused behind it.

A tile of the output (some blocks of channels, a row or a part of it, all lanes) is kept in registers while the whole
reduction runs; then the element-wise operators behind are applied to it, and it is stored. What remains at the end of
a row, where the tile does not divide it, gets code of its own. A kernel that mixes channels reads its padded input many
times: the padding is written out before. Where each channel is by itself, whether a value lies in the padding is
asked in place; TVM and LLVM answer nearly all of it when they compile.
"""

from __future__ import annotations

import math
from typing import Any

from edgenas.export.tvm.loops import extents, flat
from edgenas.export.tvm.machine import Machine
from edgenas.export.tvm.variant import Variant

SERIAL = 1 << 17
"""Multiplications below which waking other threads takes longer than to do them."""


def reduction(made: Any, blocks: list[Any], main: Any, machine: Machine, variant: Variant) -> None:
    """Schedule `main`, the only reduction among the blocks of a kernel, into (1, blocks, rows, columns, lanes)."""
    taken = extents(made, made.get_loops(main)[5:])
    mixes = len(taken) > 2
    padding = _padding(made, main) if mixes else None
    last = _last(made, blocks, main, padding, machine)
    shape = extents(made, made.get_loops(last))
    parallel = math.prod(shape) * math.prod(taken) >= SERIAL
    outer = _tile(made, main, last, variant)
    if parallel:
        made.parallel(outer)
    _reduce(made, main, taken, variant)
    if padding is not None:
        *rows, _, lane = made.get_loops(padding)
        made.vectorize(lane)
        whole = made.fuse(*rows)
        if parallel:
            made.parallel(whole)


def _padding(made: Any, main: Any) -> Any | None:
    found = [block for block in made.get_producers(main) if made.get(block).name_hint == "PadInput"]  # topi's name
    return found[0] if found else None


def _last(made: Any, blocks: list[Any], main: Any, padding: Any | None, machine: Machine) -> Any:
    """The block that stores the result, element-wise operators applied; others but padding are computed in place."""
    names = [made.get(block).name_hint for block in blocks]
    keep = {made.get(block).name_hint for block in (main, padding) if block is not None}
    for block, name in zip(blocks[:-1], names[:-1], strict=True):
        if name not in keep:
            made.compute_inline(block)
    if names[-1] not in keep:
        if extents(made, made.get_loops(blocks[-1])) == extents(made, made.get_loops(main)[:5]):
            return blocks[-1]
        flat(made, blocks[-1], machine)  # such as a product of a larger tensor with the result
    return made.cache_write(main, 0, "global")


def _tile(made: Any, main: Any, last: Any, variant: Variant) -> Any:
    """Compute `main` tile by tile, each where `last` stores it; the outermost loop."""
    tile = variant.tile
    _, block, row, column, lane = made.get_loops(last)
    blocks, block = made.split(block, [None, tile.blocks])
    rows, row = made.split(row, [None, tile.rows])
    width = extents(made, [column])[0]
    columns, column = made.split(column, [None, tile.columns])
    outer = {"blocks": (blocks, rows, columns), "rows": (rows, blocks, columns),
             "pixels": (rows, columns, blocks)}[variant.order]
    made.reorder(*outer, block, row, column, lane)
    if width % tile.columns:
        made.annotate(columns, "pragma_loop_partition_hint", 1)
    made.compute_at(main, outer[-1], preserve_unit_loops=True)
    made.vectorize(lane)
    for loop in (block, row, column):
        made.unroll(loop)
    return rows if variant.order == "pixels" else made.fuse(*outer[:2])


def _reduce(made: Any, main: Any, taken: list[int], variant: Variant) -> None:
    """The loops within a tile: the reduction outside, its innermost part and all of the tile written out."""
    inner = list(made.get_loops(main))[-5 - len(taken):]
    spatial, reduced = inner[:5], inner[5:]
    made.reorder(*reduced, *spatial)
    made.vectorize(spatial[-1])
    for loop in spatial[:-1]:
        made.unroll(loop)
    size = variant.tile.blocks * variant.tile.rows * variant.tile.columns
    for loop, extent in zip(reversed(reduced), reversed(taken), strict=True):
        size *= extent
        if size > variant.unrolled:
            break
        made.unroll(loop)
    start = made.decompose_reduction(main, reduced[0])
    for loop in list(made.get_loops(start))[-5:-1]:
        made.unroll(loop)
