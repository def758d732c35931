"""Relax programs made fast: channels in lanes, operators fused, kernels scheduled by rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .tvm_machine import machine
from .tvm_packing import pack
from .tvm_schedule import NoRuleError, schedule


@dataclass(frozen=True)
class Scheduled:
    """A Relax module of fused PrimFuncs; `leftovers`: those that no rule was for, which keep TVM's default."""

    module: Any
    leftovers: tuple[str, ...]


def scheduled(module: Any, target: Any) -> Scheduled:
    """A Relax module, its weights inside, for a tvm.target.Target."""
    import tvm
    from tvm.relax.backend.cpu_generic import pipeline
    from tvm.s_tir.schedule import ScheduleError
    vectors = machine(target)
    with target:
        module = tvm.transform.Sequential([*pipeline.library_dispatch_passes(target),
                                           *pipeline.legalize_passes(target)])(pack(module, vectors))
    leftovers = []
    for name, function in list(module.functions.items()):
        if not _open(function):
            continue
        try:
            module[name] = schedule(function, vectors)
        except (NoRuleError, ScheduleError):
            leftovers.append(name.name_hint)
    return Scheduled(module, tuple(sorted(leftovers)))


def _open(function: Any) -> bool:
    """Whether it is a kernel that has no schedule yet. A mere change of shape is no work, and TVM sees that."""
    import tvm
    return (isinstance(function, tvm.tirx.PrimFunc) and "tirx.is_scheduled" not in (function.attrs or ())
            and not tvm.relax.analysis.has_reshape_pattern(function))
