"""Schedules by rule, without tuning, for kernels on channels in lanes (see tvm_kernels.py), as FuseOps leaves them."""

from __future__ import annotations

from typing import Any

from .tvm_loops import REDUCED, SPATIAL, extents, flat, kinds
from .tvm_machine import Machine
from .tvm_reduction import reduction


class NoRuleError(Exception):
    """There is no rule for a kernel."""


def schedule(function: Any, machine: Machine) -> Any:
    """The PrimFunc scheduled.

    Raises: NoRuleError unless it has one reduction at most, into lanes; TVM's ScheduleError for what it cannot prove
    to stay the same.
    """
    import tvm
    from tvm.s_tir import Schedule
    made = Schedule(tvm.IRModule({"main": function}))
    blocks = list(made.get_child_blocks(made.get_sblock("root")))
    reductions = [block for block in blocks if REDUCED in kinds(made, block)]
    if not reductions:
        for block in blocks[:-1]:
            made.compute_inline(block)
        flat(made, blocks[-1], machine)
    elif len(reductions) == 1 and _in_lanes(made, reductions[0], machine):
        reduction(made, blocks, reductions[0], machine)
    else:
        raise NoRuleError
    return made.mod["main"].with_attr("tirx.is_scheduled", True)


def _in_lanes(made: Any, block: Any, machine: Machine) -> bool:
    """Whether its result is (1, blocks, rows, columns, lanes), as tvm_kernels.py has it."""
    axes, sizes = kinds(made, block), extents(made, made.get_loops(block))
    return (axes == [SPATIAL] * 5 + [REDUCED] * (len(axes) - 5) and len(sizes) == len(axes)
            and sizes[0] == 1 and sizes[4] <= machine.lanes)
