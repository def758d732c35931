"""Tuning: schedules near the rule's, measured beside it; taken only where they are faster.

A kernel's search climbs from the rule's schedule to the best one that differs from it in one respect (tvm_variant.py),
and on from there, until no neighbour is left. The kernel that costs the network most for its number of trials is next.

meta_schedule's search is not used. In TVM 0.26 it imports tensor_intrin, which takes longer than the 30 s that its
builders wait; it needs xgboost, knows no limit of time and starts from generic tiles instead of the rule. It does not
measure two schedules in turns either, and without that a busy machine decides.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from edgenas.errors import UsageError
from edgenas.export.deferred import deferred
from edgenas.export.tvm.machine import Machine
from edgenas.export.tvm.race import Run, compiled, is_faster, race, use_threads
from edgenas.export.tvm.schedule import schedule, variants_of
from edgenas.export.tvm.target import HOST
from edgenas.export.tvm.trials import Trial, Trials
from edgenas.export.tvm.tuned import Tuned, TunedKernel
from edgenas.export.tvm.variant import Variant, neighbours
from edgenas.progress import Progress, Silent

TRIAL_S, CHOICE_S, NETWORK_S = 0.1, 0.4, 1.0


@dataclass
class Tuning:
    """What is asked for. minutes: of search, for all files together; folder: where trials are kept."""

    minutes: float
    folder: Path
    threads: int = 1
    progress: Progress = field(default_factory=Silent)
    spent_s: float = 0.0

    @property
    def left_s(self) -> float:
        return max(0.0, self.minutes * 60 - self.spent_s)


@dataclass
class Kernel:
    """A kernel of the network for which there is a choice, the rule's first. work: floating-point operations."""

    name: str
    function: Any
    calls: int
    machine: Machine
    target: Any
    variants: Sequence[Variant]
    id: str
    known: dict[Variant, Trial]
    work: float

    @cached_property
    def rule(self) -> Run:
        return self.run(self.variants[0])

    def best(self) -> Trial | None:
        """The best trial, if it was faster than the rule."""
        found = min((self.known[variant] for variant in self.variants if variant in self.known),
                    key=lambda trial: trial.ratio, default=None)
        return found if found and found.ratio < 1 else None

    def next(self) -> Variant | None:
        best = self.best()
        around = neighbours(best.variant if best else self.variants[0], self.variants)
        return next((variant for variant in around if variant not in self.known and variant != self.variants[0]), None)

    def run(self, variant: Variant) -> Run:
        return compiled(schedule(self.function, self.machine, variant), self.target)

    def attempt(self, variant: Variant) -> Trial:
        rule, other = race([self.rule, self.run(variant)], TRIAL_S)
        return Trial(kernel=self.id, variant=variant, us=1e6 * min(other), rule_us=1e6 * min(rule))


@dataclass(frozen=True)
class Tuner:
    """Tunes the kernels of one network for `target`."""

    tuning: Tuning
    machine: Machine
    target: Any

    def chosen(self, functions: Mapping[str, Any], calls: Mapping[str, int]) -> tuple[Tuned, dict[str, Variant]]:
        """What is known of a network's kernels now, and the schedules that are faster than the rule's."""
        use_threads(self.tuning.threads)
        began = time.monotonic()
        trials = Trials(self.tuning.folder / f"{self.target.attrs['mcpu']}-{self.tuning.threads}t.jsonl")
        with deferred():
            kernels = [self._kernel(name, function, calls[name], trials) for name, function in functions.items()
                       if variants_of(function, self.machine)]
        made = self._search(kernels, trials, began)
        self.tuning.spent_s += time.monotonic() - began
        found, taken = [], {}
        for kernel in kernels:
            with deferred():
                record, variant = choice(kernel)
            found.append(record)
            if variant:
                taken[kernel.name] = variant
        return Tuned(threads=self.tuning.threads, trials=made, rule_ms=None, tuned_ms=None,
                     kernels=tuple(found)), taken

    def _kernel(self, name: str, function: Any, calls: int, trials: Trials) -> Kernel:
        import tvm
        from tvm_ffi import structural_hash
        own = function.without_attr("global_symbol")
        id = f"{structural_hash(own) % 2**64:016x}"
        return Kernel(name, function, calls, self.machine, self.target, variants_of(function, self.machine), id,
                      trials.of(id), tvm.s_tir.analysis.estimate_tir_flops(tvm.IRModule({"main": own})))

    def _search(self, kernels: Sequence[Kernel], trials: Trials, began: float) -> int:
        """Try until the time is up or nothing is left to try; how many were tried."""
        tuning, made, shown = self.tuning, 0, 0
        total = math.ceil(tuning.left_s)
        tuning.progress.start("tune (seconds)", total)
        while (passed := time.monotonic() - began) < tuning.left_s:
            shown = self._show(kernels, made, shown, int(passed))
            open_ = [(kernel, variant) for kernel in kernels if (variant := kernel.next())]
            if not open_:
                break
            kernel, variant = max(open_, key=lambda pair: pair[0].calls * pair[0].work / (1 + len(pair[0].known)))
            with deferred():
                trials.add(kernel.attempt(variant))
            made += 1
        self._show(kernels, made, shown, total)
        return made

    def _show(self, kernels: Sequence[Kernel], made: int, shown: int, passed: int) -> int:
        faster = sum(kernel.best() is not None for kernel in kernels)
        for _ in range(passed - shown):
            self.tuning.progress.advance(f"{made} trials, {faster} of {len(kernels)} kernels faster")
        return max(passed, shown)


def check_tunable(target: str, precision: str) -> None:
    """Raises: UsageError unless what is compiled for `target` can be measured here and is by our rules."""
    if precision != "fp32":
        raise UsageError(f"--tune is for fp32: no rule of ours schedules the convolutions of {precision}",
                         "leave out --tune, or --precision fp32")
    if target != HOST:
        raise UsageError(f"--tune measures kernels on this machine, and the target {target!r} is another",
                         "leave out --tune, or export with it on that machine, without --target")


def choice(kernel: Kernel) -> tuple[TunedKernel, Variant | None]:
    """The rule's schedule and the best other one, measured again in turns; the other one if it is faster."""
    best = kernel.best()
    times = race([kernel.rule, *([kernel.run(best.variant)] if best else [])], CHOICE_S if best else TRIAL_S)
    taken = best is not None and is_faster(times)
    record = TunedKernel(name=kernel.name, calls=kernel.calls, rule_us=1e6 * min(times[0]),
                         tuned_us=1e6 * min(times[1]) if best else None, taken=taken, trials=len(kernel.known))
    return record, best.variant if best and taken else None


def called(module: Any) -> Counter[str]:
    """How often `main` calls each function."""
    import tvm
    calls: Counter[str] = Counter()

    def visit(node: Any) -> None:
        if isinstance(node, tvm.relax.Call) and node.op == tvm.ir.Op.get("relax.call_tir"):
            calls[node.args[0].name_hint] += 1

    tvm.relax.analysis.post_order_visit(module["main"], visit)
    return calls
