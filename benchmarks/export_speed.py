"""Seconds to export a block, directly and by the official exporter, and whether the files run equally fast.

Both wall-clock and processor seconds are given: the first hold what the disk and other processes take.

Every distinct block of the `mobile` space is exported both ways, in batches as profiling does it, and each file is
compared with PyTorch. Then whole networks, one file of each kind, are run in turns: the ratio of their latencies
should be 1, or what is profiled would depend on the way it was exported.

    python benchmarks/export_speed.py --format onnx --format tflite
"""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from edgenas.cost.network import example_input, trace
from edgenas.export import exporter
from edgenas.export.base import Export, in_batches
from edgenas.export.check.session import open_session
from edgenas.measure.runtime import load_runtime
from edgenas.space.load import load_space
from edgenas.space.parts import Shape
from edgenas.space.space import Space

RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
ROUNDS, RUNS, WARM_UP = 15, 30, 50


@click.command()
@click.option("--format", "formats", multiple=True, default=tuple(RUNTIMES), type=click.Choice(tuple(RUNTIMES)))
@click.option("--side", default=32, show_default=True, help="Pixels of the square image.")
@click.option("--activation", default="relu6", show_default=True)
@click.option("--squeeze-excite", is_flag=True)
@click.option("--blocks", default=1000, show_default=True, help="At most this many blocks.")
@click.option("--networks", default=3, show_default=True, help="Networks whose latency is compared.")
def main(formats: Sequence[str], side: int, activation: str, squeeze_excite: bool, blocks: int, networks: int) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    space = load_space("mobile", (3, side, side), 10,
                       {"activation": activation, "squeeze_excite": str(squeeze_excite)})
    modules = distinct(space)[:blocks]
    generator = torch.Generator().manual_seed(0)
    whole = [(trained(space.build(space.random(generator))), space.input_shape) for _ in range(networks)]
    for format in formats:
        with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
            speed(format, modules, Path(folder))
            for number, network in enumerate(whole):
                latency(format, network, Path(folder), number)


def distinct(space: Space) -> list[tuple[nn.Module, Shape]]:
    """One module for every signature among the parts of the space."""
    supernet = trained(space.supernet())
    found = {}
    for part in space.parts:
        module = supernet.get_submodule(part.place)
        module = module.candidates[part.candidate] if part.candidate else module
        if not part.is_absent:
            found.setdefault(trace(module, part.input_shape).signature, (module, part.input_shape))
    return list(found.values())


def trained(module: nn.Module) -> nn.Module:
    """In eval mode, with batch norms as after training: a bias of zeros is something that an exporter may leave out."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias, std=0.1)
            nn.init.uniform_(part.weight, 0.5, 1.5)
    return module.eval()


def ways(format: str) -> dict[str, Callable[[Sequence[Export]], None]]:
    file = importlib.import_module(f"edgenas.export.to_{format}")
    return {"official": lambda items: in_batches(items, file.BATCH, file.write), "direct": exporter(format).export}


def speed(format: str, modules: Sequence[tuple[nn.Module, Shape]], folder: Path) -> None:
    wall, busy = {}, {}
    for way, export in ways(format).items():
        items = [Export(module, example_input(shape), folder / f"{way}{index}.{format}")
                 for index, (module, shape) in enumerate(modules)]
        export(items[:1])  # the packages are imported
        start, processor = time.perf_counter(), time.process_time()
        export(items)
        wall[way] = (time.perf_counter() - start) / len(items)
        busy[way] = (time.process_time() - processor) / len(items)
        worst = max(difference(item, RUNTIMES[format]) for item in items)
        print(f"{format:6} {way:8} {len(items)} blocks: {wall[way]:.4f} s a block, "
              f"{busy[way]:.4f} of the processor; largest difference from PyTorch {worst:.1e} of the largest output",
              flush=True)
    print(f"{format:6} direct takes 1/{wall['official'] / wall['direct']:.0f} of the time, "
          f"1/{busy['official'] / busy['direct']:.0f} of the processor's", flush=True)


def difference(item: Export, runtime: str) -> float:
    """Largest difference from PyTorch's output, as a share of its largest element."""
    with torch.no_grad():
        expected = item.module(item.example).numpy()
    found = open_session(item.path, runtime).predict(item.example.numpy())
    if found.ndim == 4 and runtime == "litert":
        found = found.transpose(0, 3, 1, 2)
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def latency(format: str, network: tuple[nn.Module, Shape], folder: Path, number: int) -> None:
    """The two files take turns; a round's figure is its fastest run."""
    sessions = {}
    for way, export in ways(format).items():
        item = Export(network[0], example_input(network[1]), folder / f"network{number}-{way}.{format}")
        export([item])
        sessions[way] = load_runtime(RUNTIMES[format]).open(item.path)
        sessions[way].prepare([np.random.default_rng(0).standard_normal(shape).astype(kind)
                               for _, shape, kind in sessions[way].inputs])
        fastest(sessions[way].invoke, WARM_UP)
    rounds: list[dict[str, float]] = []
    for turn in range(ROUNDS):
        order = list(sessions.items())[::1 if turn % 2 else -1]
        rounds.append({way: fastest(session.invoke, RUNS) for way, session in order})
    ratio = statistics.median(times["direct"] / times["official"] for times in rounds)
    least = {way: min(times[way] for times in rounds) for way in sessions}
    print(f"{format:6} network {number}: official {1000 * least['official']:.4f} ms, direct "
          f"{1000 * least['direct']:.4f} ms; direct / official {ratio:.3f} (median of {ROUNDS} rounds), "
          f"{least['direct'] / least['official']:.3f} (minima)", flush=True)


def fastest(run: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
