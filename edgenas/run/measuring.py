"""What exported networks cost, measured on the run's device or counted in the exported file."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from edgenas.cost.metrics import metric_of
from edgenas.cost.operators import example_input, trace
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.measure.measure import Artifact, measure
from edgenas.measure.session import runtime_format
from edgenas.run.folder import Run

REPEATS = 3  # a figure that a budget hangs on is measured this often, each time in a new session


def measure_networks(run: Run, networks: Mapping[str, nn.Module]) -> dict[str, dict[str, list[float]]]:
    """Export each network for the run's runtime; for every metric with a budget, its figures (several for latency)."""
    export = exporter(runtime_format(run.config.runtime))
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        files = {name: Path(folder) / f"{i}{export.suffix}" for i, name in enumerate(networks)}
        shape = run.space.input_shape
        export.export([Export(network, example_input(shape), files[name]) for name, network in networks.items()])
        latencies = measure_files(run, files) if "latency_ms" in run.metrics else {}
        return {name: {metric: latencies[name] if metric == "latency_ms"
                       else [counted(metric, network, shape, files[name])] for metric in run.metrics}
                for name, network in networks.items()}


def measure_files(run: Run, files: Mapping[str, Path], runtime: str | None = None) -> dict[str, list[float]]:
    """Latencies in ms of artifacts on the run's device, REPEATS of each, in turn."""
    artifacts = [Artifact(f"{name}#{i}", path) for i in range(REPEATS) for name, path in files.items()]
    found: dict[str, list[float]] = {name: [] for name in files}
    for result in measure(run.device, runtime or run.config.runtime, artifacts, threads=run.config.threads):
        found[result.id.rpartition("#")[0]].append(result.latency_ms(run.config.statistic))
    return found


def counted(metric: str, network: nn.Module, shape: tuple[int, ...], file: Path) -> float:
    """A metric that needs no device: the file's size, or what follows from the operators of the whole network."""
    if metric == "flash_kib":
        return file.stat().st_size / 1024
    of = metric_of(metric).of
    assert of is not None
    return of(trace(network, shape))
