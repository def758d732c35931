"""Relax programs made fast: channels in lanes, operators fused, kernels scheduled by rule, or better where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edgenas.export.deferred import deferred
from edgenas.export.tvm.machine import Machine, machine
from edgenas.export.tvm.packing import pack
from edgenas.export.tvm.packing_rules import RULES
from edgenas.export.tvm.schedule import NoRuleError, schedule

if TYPE_CHECKING:
    from edgenas.export.tvm.tuned import Tuned
    from edgenas.export.tvm.tuning import Tuning
    from edgenas.export.tvm.variant import Variant


@dataclass(frozen=True)
class Scheduled:
    """A Relax module of fused PrimFuncs; `leftovers`: those that no rule was for, which keep TVM's default. tuned: what
    tuning found, if it was asked for."""

    module: Any
    leftovers: tuple[str, ...]
    tuned: Tuned | None = None


def scheduled(module: Any, target: Any, tuning: Tuning | None = None) -> Scheduled:
    """A Relax module, its weights inside, for a tvm.target.Target; with `tuning` it is this machine's.

    Raises: what Tuner.chosen() does.
    """
    with deferred():
        module, vectors = fused(module, target)
        by_rule = with_variants(module, vectors, {})
    return _tuned(module, by_rule, vectors, target, tuning) if tuning else by_rule


def fused(module: Any, target: Any) -> tuple[Any, Machine]:
    """Of kernels in lanes that have no schedule yet, and for what vectors."""
    import tvm
    from tvm.relax.backend.cpu_generic import pipeline
    vectors = machine(target)
    with target:
        return tvm.transform.Sequential([*pipeline.library_dispatch_passes(target),
                                         *pipeline.legalize_passes(target)])(pack(module, vectors, RULES)), vectors


def with_variants(module: Any, vectors: Machine, chosen: Mapping[str, Variant]) -> Scheduled:
    """Kernels scheduled as chosen, others by rule."""
    import tvm
    from tvm.s_tir.schedule import ScheduleError
    functions, leftovers = dict(module.functions), []
    for name, function in functions.items():
        if not _open(function):
            continue
        try:
            functions[name] = schedule(function, vectors, chosen.get(name.name_hint))
        except (NoRuleError, ScheduleError):
            leftovers.append(name.name_hint)
    return Scheduled(tvm.IRModule(functions, attrs=module.attrs), tuple(sorted(leftovers)))


def _tuned(module: Any, by_rule: Scheduled, vectors: Machine, target: Any, tuning: Tuning) -> Scheduled:
    """As by rule, unless the whole network is faster with what is faster kernel by kernel."""
    from edgenas.export.tvm.race import is_faster, race
    from edgenas.export.tvm.tuning import NETWORK_S, Tuner, called
    functions = {name.name_hint: function for name, function in module.functions.items()
                 if _open(function) and name.name_hint not in by_rule.leftovers}
    found, variants = Tuner(tuning, vectors, target).chosen(functions, called(module))
    if not variants:
        return replace(by_rule, tuned=found)
    with deferred():
        other = with_variants(module, vectors, variants)
        times = race([network(by_rule.module, target), network(other.module, target)], NETWORK_S)
    taken = is_faster(times)
    kernels = tuple(kernel.model_copy(update={"taken": kernel.taken and taken}) for kernel in found.kernels)
    found = found.model_copy(update={"rule_ms": 1e3 * min(times[0]), "tuned_ms": 1e3 * min(times[1]),
                                     "kernels": kernels})
    return replace(other if taken else by_rule, tuned=found)


def network(module: Any, target: Any) -> Any:
    """A scheduled module's `main`, on an image of noise."""
    import numpy as np
    import tvm
    main = tvm.relax.VirtualMachine(tvm.compile(module, target=target), tvm.cpu())["main"]
    shape = tuple(int(size) for size in module["main"].params[0].ty.shape)
    image = tvm.runtime.tensor(np.random.default_rng(0).random(shape, dtype=np.float32))
    return lambda: main(image)


def _open(function: Any) -> bool:
    """Whether it is a kernel that has no schedule yet. A mere change of shape is no work, and TVM sees that."""
    import tvm
    return (isinstance(function, tvm.tirx.PrimFunc) and "tirx.is_scheduled" not in (function.attrs or ())
            and not tvm.relax.analysis.has_reshape_pattern(function))
