"""Schedules by rule, without tuning, for kernels on channels in lanes (see tvm_kernels.py), as FuseOps leaves them."""

from __future__ import annotations

from typing import Any

from edgenas.export.tvm.loops import REDUCED, SPATIAL, extents, flat, kinds
from edgenas.export.tvm.machine import Machine
from edgenas.export.tvm.reduction import reduction
from edgenas.export.tvm.variant import Variant, variants


class NoRuleError(Exception):
    """There is no rule for a kernel."""


def schedule(function: Any, machine: Machine, variant: Variant | None = None) -> Any:
    """The PrimFunc scheduled; `variant`: by one of variants_of() instead of by the rule.

    Raises: NoRuleError unless it has one reduction at most, into lanes; TVM's ScheduleError for what it cannot prove
    to stay the same.
    """
    made, blocks, reductions = _opened(function)
    if not reductions:
        for block in blocks[:-1]:
            made.compute_inline(block)
        flat(made, blocks[-1], machine)
    else:
        chosen = variant or _variants(made, reductions, machine)[0]
        reduction(made, blocks, reductions[0], machine, chosen)
    return made.mod["main"].with_attr("tirx.is_scheduled", True)


def variants_of(function: Any, machine: Machine) -> tuple[Variant, ...]:
    """In which ways a PrimFunc can be scheduled, the rule's first; none where there is no choice or no rule."""
    made, _, reductions = _opened(function)
    try:
        return _variants(made, reductions, machine) if reductions else ()
    except NoRuleError:
        return ()


def _opened(function: Any) -> tuple[Any, list[Any], list[Any]]:
    """A schedule of it, its blocks, and those of them that reduce."""
    import tvm
    from tvm.s_tir import Schedule
    made = Schedule(tvm.IRModule({"main": function}))
    blocks = list(made.get_child_blocks(made.get_sblock("root")))
    return made, blocks, [block for block in blocks if REDUCED in kinds(made, block)]


def _variants(made: Any, reductions: list[Any], machine: Machine) -> tuple[Variant, ...]:
    """Raises: NoRuleError unless the result is (1, blocks, rows, columns, lanes), as tvm_kernels.py has it."""
    axes, sizes = kinds(made, reductions[0]), extents(made, made.get_loops(reductions[0]))
    in_lanes = (axes == [SPATIAL] * 5 + [REDUCED] * (len(axes) - 5) and len(sizes) == len(axes)
                and sizes[0] == 1 and sizes[4] <= machine.lanes)
    if len(reductions) > 1 or not in_lanes:
        raise NoRuleError
    return variants(machine, *sizes[1:4], shared=len(sizes) > 7)
