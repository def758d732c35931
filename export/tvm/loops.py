"""Loops of a TVM schedule: their kinds and extents, and one pass over a block's output."""

from __future__ import annotations

import math
from typing import Any

from edgenas.export.tvm.machine import Machine

SPATIAL, REDUCED = 0, 2  # tirx's numbers of the kinds of axes
SERIAL = 1 << 14
"""Values below which waking other threads takes longer than to go over them."""


def kinds(made: Any, block: Any) -> list[int]:
    return [int(axis.iter_type) for axis in made.get(block).iter_vars]


def extents(made: Any, loops: Any) -> list[int]:
    return [int(made.get(loop).extent) for loop in loops]


def flat(made: Any, block: Any, machine: Machine) -> None:
    """Element-wise operators and changes of layout: vectors along the last axis, or along all of them as one."""
    loops = list(made.get_loops(block))
    sizes = extents(made, loops)
    size = math.prod(sizes)
    lanes = math.gcd(sizes[-1] if sizes[-1:] > [1] else size, machine.lanes)
    outer, inner = made.split(made.fuse(*loops), [None, lanes])
    made.vectorize(inner)
    if size >= SERIAL:
        made.parallel(outer)
