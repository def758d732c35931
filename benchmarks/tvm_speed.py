"""Networks by TVM with our rules (export/tvm/build.py), by TVM's default, as a stand-alone program, and by onnxruntime.

One thread, fp32. All take turns, in short rounds; a figure is the fastest run of all rounds, a ratio is of these. A
program measures itself, as its file does on a device, once in so many rounds. Outputs are compared with PyTorch's.

    python benchmarks/tvm_speed.py
    python benchmarks/tvm_speed.py --cpu haswell --no-default      # AVX2 only; onnxruntime uses all there is
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import tvm
from torch import Tensor, nn
from tvm_speed_networks import NETWORKS

from edgenas.cost.network import example_input
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.exporters import binary
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.tvm.build import scheduled
from edgenas.export.tvm.target import compiler
from edgenas.measure.runtime import load_runtime

RUNS, PROGRAM_ROUNDS = 4, 10
SHORT = ("calibration_s=0.05", "warmup_max_s=0.1", "round_s=0.05", "patience_s=0.3", "max_rounds=3")


@dataclass
class Way:
    """How a network is run: `run` gives the seconds of its fastest run now; its output was this far from PyTorch's."""

    name: str
    run: Callable[[], float]
    compile_s: float
    difference: float
    every: int = 1


@click.command()
@click.option("--network", "names", multiple=True, type=click.Choice(sorted(NETWORKS)), help="Default: all.")
@click.option("--cpu", default=None, help="As LLVM calls it; default: this machine's.")
@click.option("--rounds", default=40, show_default=True)
@click.option("--default/--no-default", default=True, show_default=True, help="TVM's default schedule too.")
def main(names: Sequence[str], cpu: str | None, rounds: int, default: bool) -> None:
    torch.set_num_threads(1)
    for name in names or NETWORKS:
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            item = network(name, Path(folder))
            ways = [onnxruntime(item), *by_tvm(item, cpu, default)]
            report(name, ways, race(ways, rounds))


def network(name: str, folder: Path) -> Export:
    torch.manual_seed(0)
    module, shape = NETWORKS[name]()
    return Export(lively(module), example_input(shape), folder / "net")


@torch.no_grad()
def lively(module: nn.Module) -> nn.Module:
    """In eval mode, with batch norms as after training, so that the output depends on the input."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias, std=0.3)
            nn.init.uniform_(part.weight, 1, 2)
    return module.eval()


def onnxruntime(item: Export) -> Way:
    path = item.path.with_suffix(".onnx")
    start = time.perf_counter()
    exporter("onnx").export([Export(item.module, item.example, path)])
    session = load_runtime("onnxruntime").open(path)
    compile_s = time.perf_counter() - start
    session.prepare([item.example.numpy()])
    return Way("onnxruntime", lambda: fastest(session.invoke), compile_s,
               difference(item, session.run([item.example.numpy()])[0]))


def by_tvm(item: Export, cpu: str | None, default: bool) -> Iterator[Way]:
    chosen = compiler("host")
    target = tvm.target.Target(chosen.target | ({"mcpu": cpu} if cpu else {}))
    module = relax_module(item, trace([item]))
    for name in ("tvm, default", "tvm")[not default:]:
        start = time.perf_counter()
        compiled = tvm.compile(scheduled(module, target).module if name == "tvm" else module, target=target)
        yield of_tvm(name, item, compiled, time.perf_counter() - start)
    if cpu is None:
        yield program(item)


def of_tvm(name: str, item: Export, compiled: Any, compile_s: float) -> Way:
    run, image = tvm.relax.VirtualMachine(compiled, tvm.cpu())["main"], tvm.runtime.tensor(item.example.numpy())
    return Way(name, lambda: fastest(lambda: run(image)), compile_s, difference(item, run(image).numpy()))


def program(item: Export) -> Way:
    path = item.path.with_suffix(".bin")
    start = time.perf_counter()
    binary.EXPORTER.export([Export(item.module, item.example, path)])
    compile_s = time.perf_counter() - start
    done = subprocess.run([path], input=item.example.numpy().tobytes(), stdout=subprocess.PIPE, check=True)

    def bench() -> float:
        found = subprocess.run([path, "--bench", "net", *SHORT], stdout=subprocess.PIPE, check=True)
        return float(json.loads(found.stdout)["latency"]["min_ms"]) / 1000

    return Way("program", bench, compile_s, difference(item, np.float32(json.loads(done.stdout)["logits"])),
               every=PROGRAM_ROUNDS)


def difference(item: Export, found: np.ndarray) -> float:
    """Largest difference from PyTorch's output, as a share of its largest element."""
    with torch.no_grad():
        expected: Tensor = item.module(item.example)
    return float(np.abs(found.reshape(expected.shape) - expected.numpy()).max() / expected.abs().max())


def race(ways: Sequence[Way], rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in ways]
    for turn in range(rounds):
        for index in list(range(len(ways)))[::1 if turn % 2 else -1]:
            if turn % ways[index].every == 0:
                times[index].append(ways[index].run())
    return times


def fastest(run: Callable[[], object]) -> float:
    found = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def report(name: str, ways: Sequence[Way], times: list[list[float]]) -> None:
    for way, own in zip(ways, times, strict=True):
        ratios = [mine / theirs for mine, theirs in zip(own, times[0][::way.every], strict=True)]
        print(f"{name:12} {way.name:13} {1000 * min(own):8.3f} ms, {min(own) / min(times[0]):5.2f} of onnxruntime "
              f"(median of rounds {statistics.median(ratios):5.2f}); made in {way.compile_s:5.1f} s; "
              f"{way.difference:.0e} from PyTorch", flush=True)


if __name__ == "__main__":
    main()
