"""Networks by TVM with our rules, tuned beside them (export/tvm/tuning.py), and by onnxruntime.

One thread, fp32. Tuning takes MINUTES for each network, from an empty database unless --database names one; then all
three take turns, in short rounds: a figure is the fastest run of all rounds, a ratio is of these.

    python benchmarks/tvm_tune.py --minutes 5 --network mobile --network vgg
    python benchmarks/tvm_tune.py --minutes 3 --network vgg --cpu haswell    # AVX2; onnxruntime uses all there is
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import torch
import tvm
from tvm_speed import Way, network, of_tvm, onnxruntime, race, report
from tvm_speed_networks import NETWORKS

from edgenas.cli.terminal import Terminal
from edgenas.export.base import Export
from edgenas.export.exporters.tvm import relax_module
from edgenas.export.ir.tracing import trace
from edgenas.export.tvm.build import scheduled
from edgenas.export.tvm.target import compiler
from edgenas.export.tvm.tuning import Tuning


@click.command()
@click.option("--network", "names", multiple=True, type=click.Choice(sorted(NETWORKS)), help="Default: all.")
@click.option("--minutes", default=5.0, show_default=True)
@click.option("--cpu", default=None, help="As LLVM calls it; default: this machine's.")
@click.option("--rounds", default=100, show_default=True)
@click.option("--database", type=click.Path(path_type=Path), help="Where trials are kept.")
def main(names: Sequence[str], minutes: float, cpu: str | None, rounds: int, database: Path | None) -> None:
    torch.set_num_threads(1)
    for name in names or NETWORKS:
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            item = network(name, Path(folder))
            ways = [onnxruntime(item), *by_tvm(item, minutes, cpu, database or Path(folder))]
            report(name, ways, race(ways, rounds))


def by_tvm(item: Export, minutes: float, cpu: str | None, database: Path) -> Iterator[Way]:
    target = tvm.target.Target(compiler("host").target | ({"mcpu": cpu} if cpu else {}))
    module = relax_module(item, trace([item]))
    with Terminal() as terminal:
        for name, tuning in (("tvm, by rule", None), ("tvm, tuned", Tuning(minutes, database, progress=terminal))):
            start = time.perf_counter()
            found = scheduled(module, target, tuning)
            compiled = tvm.compile(found.module, target=target)
            compile_s = time.perf_counter() - start
            if found.tuned:
                print(found.tuned)
            yield of_tvm(name, item, compiled, compile_s)


if __name__ == "__main__":
    main()
