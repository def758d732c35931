"""Compiled kernels and networks timed in turns on this machine, so that what else it does meets all of them alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgenas.errors import ExportError

Run = Callable[[], object]
BATCH_S = 2e-4
"""How long one turn lasts at least: far longer than reading the clock, far shorter than a turn of the processor."""
ROUNDS = 5


def use_threads(threads: int) -> None:
    """Let TVM's kernels run on so many threads in this process.

    Raises: ExportError where its pool, which the first kernel of a process makes, has fewer.
    """
    import tvm
    os.environ["TVM_NUM_THREADS"] = str(threads)
    count = tvm.get_global_func("runtime.NumThreads")
    if count() != threads:
        tvm.get_global_func("runtime.config_threadpool")(1, threads)
    if count() != threads:
        raise ExportError(f"--tune cannot measure on {threads} threads: TVM has {count()} in this process",
                          f"set TVM_NUM_THREADS={threads} and run the same command again")


def compiled(function: Any, target: Any) -> Run:
    """A scheduled PrimFunc, on tensors of its own."""
    import tvm
    module = tvm.tirx.build(tvm.IRModule({"main": function.with_attr("global_symbol", "main")}), target=target)
    run, rng = module["main"], np.random.default_rng(0)
    tensors = [tvm.runtime.tensor(_values(rng, tuple(int(size) for size in param.ty.shape), str(param.ty.dtype)))
               for param in function.params]
    return lambda: run(*tensors)


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return (rng.random(shape) + 1).astype(dtype)


def race(runs: Sequence[Run], seconds: float) -> list[list[float]]:
    """Seconds of one run in each round, for each of them."""
    batches = [max(1, round(BATCH_S / _once(run))) for run in runs]
    times: list[list[float]] = [[] for _ in runs]
    began = time.perf_counter()
    while len(times[0]) < ROUNDS or time.perf_counter() - began < seconds:
        for index in range(len(runs))[::-1 if len(times[0]) % 2 else 1]:
            times[index].append(_batch(runs[index], batches[index]))
    return times


def is_faster(times: Sequence[Sequence[float]]) -> bool:
    """Whether the second is faster than the first: at its fastest, and by 2% in the median round."""
    first, second = times
    ratios = [theirs / ours for ours, theirs in zip(first, second, strict=True)]
    return min(second) < min(first) and statistics.median(ratios) < 0.98


def _once(run: Run) -> float:
    run()
    return min(_batch(run, 1) for _ in range(3))


def _batch(run: Run, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        run()
    return (time.perf_counter() - start) / number
