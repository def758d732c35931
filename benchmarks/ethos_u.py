"""Predicted cycles of whole networks on Arm's Ethos-U against vela's own estimate of them, and whether cycles add up.

Random networks of the space `mobile` for 3x32x32 images, untrained and quantised with random ranges, that the cost
model has not seen. All figures are the compiler's estimates, and the weights are drawn from a fixed seed: the same
versions of vela and torch print the same table.

    python benchmarks/ethos_u.py --json

A configuration is ACCELERATOR[:SYSTEM_CONFIG[:MEMORY_MODE]], the latter two as vela.ini names them.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import nn

from edgenas.cost.accuracy import accuracy
from edgenas.cost.latency import latency_model
from edgenas.cost.model import blocks_of, networks
from edgenas.cost.network import Shape, example_input, trace
from edgenas.cost.profile import Header, Profile
from edgenas.cost.sampling import calibration_networks
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.measurement import STATISTICS, Measurement
from edgenas.measure.runtimes.run_vela import compiled
from edgenas.space import Architecture, Choice, Space, load_space

CONFIGURATIONS = (
    "ethos-u55-128:Ethos_U55_High_End_Embedded:Shared_Sram", "ethos-u55-256:Ethos_U55_High_End_Embedded:Shared_Sram",
    "ethos-u65-256:Ethos_U65_Embedded:Shared_Sram", "ethos-u65-256:Ethos_U65_High_End:Dedicated_Sram",
    "ethos-u85-256:Ethos_U85_SYS_Flash_High:Shared_Sram", "ethos-u85-256:Ethos_U85_SYS_DRAM_Mid:Dedicated_Sram_384KB")
"""Those of the devices that come with edgenas, and two with activations in DRAM."""


@dataclass(frozen=True)
class Row:
    """mape, worst: of predictions for held-out networks. sum_bias, sum_mape: of the plain sum of separately compiled
    blocks. layers_bias: the largest relative difference of a network's layers' sum from its total.
    """

    configuration: str
    networks: int
    mape: float
    worst: float
    spearman: float
    coverage: float | None
    sum_bias: float
    sum_mape: float
    layers_bias: float
    reachable_ms: tuple[float, float]


@click.command()
@click.option("--config", "configurations", multiple=True, default=CONFIGURATIONS, show_default=True)
@click.option("--networks", "count", default=40, show_default=True, help="Held-out random networks.")
@click.option("--json", "as_json", is_flag=True)
def main(configurations: tuple[str, ...], count: int, as_json: bool) -> None:
    torch.manual_seed(0)
    space = load_space("mobile", (3, 32, 32), 10)
    seen = calibration_networks(space)
    unseen = held_out(space, count, seen)
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        blocks = exported(block_modules(space), Path(folder, "blocks"))
        built = {a.digest: (space.build(a), space.input_shape) for a in [*seen, *unseen]}
        whole = exported(built, Path(folder, "whole"))
        for configuration in configurations:
            row = measure(space, configuration, blocks, whole, seen, unseen, Path(folder))
            print(json.dumps(asdict(row)) if as_json else row, flush=True)


def held_out(space: Space, count: int, seen: list[Architecture]) -> list[Architecture]:
    generator = torch.Generator().manual_seed(0)
    found: dict[Architecture, None] = {}
    while len(found) < count:
        drawn = space.random(generator)
        if drawn not in seen:
            found[drawn] = None
    return list(found)


def block_modules(space: Space) -> dict[str, tuple[nn.Module, Shape]]:
    """Every distinct block by signature."""
    supernet, known, found = space.supernet(), networks(space), {}
    for part in space.parts:
        network, module = known[part.place, part.candidate], supernet.get_submodule(part.place)
        if network is not None:
            found[network.signature] = (
                module.candidates[part.candidate] if isinstance(module, Choice) and part.candidate else module,
                part.input_shape)
    return found


def exported(modules: Mapping[str, tuple[nn.Module, Shape]], folder: Path) -> dict[str, Path]:
    files = {key: folder / f"{i}.tflite" for i, key in enumerate(modules)}
    items = [Export(module.eval(), x, files[key], random_calibration(x))
             for key, (module, shape) in modules.items() for x in [example_input(shape)]]
    exporter("tflite").export(items, precision="int8")
    return files


def measure(space: Space, configuration: str, blocks: Mapping[str, Path], whole: Mapping[str, Path],
            seen: list[Architecture], unseen: list[Architecture], folder: Path) -> Row:
    accelerator, system_config, memory_mode = (*configuration.split(":"), "", "")[:3]

    def estimate(path: Path) -> tuple[float, float]:
        """Latency in ms, and how far the layers' cycles are from the total."""
        found = compiled(str(path), accelerator, system_config, memory_mode)
        summary, layers = found.summary, found.layers
        if found.left:
            raise click.ClickException(f"an operator of {path} would not run on {accelerator}")
        return (float(summary["inference_time"]) * 1e3,
                sum(int(layer["Op Cycles"]) for layer in layers) / float(summary["cycles_total"]) - 1)

    profile = Profile.create(folder / f"{configuration.replace(':', '-')}.jsonl", Header(
        device=accelerator, runtime="vela", runtime_version="", threads=1, precision="int8", provenance="estimated",
        machine={"id": "vela"}))
    block_ms = {key: estimate(path)[0] for key, path in blocks.items()}
    for key, value in block_ms.items():
        profile.add_block(key, exact(key, value))
    for a in seen:
        profile.add_network(trace(space.build(a), space.input_shape).signature, blocks_of(space, a),
                            exact(a.digest, estimate(whole[a.digest])[0]))
    model, _ = latency_model(space, profile, STATISTICS[0])
    estimates = [estimate(whole[a.digest]) for a in unseen]
    truth = np.array([value for value, _ in estimates])
    predicted = np.array([model.predict(a) for a in unseen])
    low, high = np.array([model.interval(a) for a in unseen]).T
    sums = np.array([sum(block_ms[key] for key in blocks_of(space, a)) for a in unseen])
    found = accuracy(predicted, truth, low, high)
    return Row(configuration, found.count, found.mape, float(np.abs(predicted / truth - 1).max()), found.spearman,
               found.coverage, float((sums / truth - 1).mean()), float(np.abs(sums / truth - 1).mean()),
               max((layers for _, layers in estimates), key=math.fabs), model.reachable)


def exact(key: str, value_ms: float) -> Measurement:
    return Measurement(id=key, min_ms=value_ms, median_of_minima_ms=value_ms, p50_ms=value_ms, p90_ms=value_ms,
                       mad_ms=0.0, spread=0.0, rounds=1, runs=1, agreed=True)


if __name__ == "__main__":
    main()
