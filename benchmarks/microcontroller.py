"""Networks found under an NPU's and a microcontroller's memory, and whether the files that are deployed hold it.

Untrained networks of the space `mobile`, picked by random scores through the integer program and the settling of
`edgenas search`, quantised with random ranges. On the Ethos-U half of the largest network's cycles and 256 KiB of SRAM;
on the microcontroller 320 KiB of RAM and 1 MiB of flash. "vela again" is vela's own summary of the network compiled
once more, "runs in" what TensorFlow Lite Micro says in the promised arena and in 16 bytes less. Weights and draws are
from fixed seeds.

    python benchmarks/microcontroller.py --json
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import torch
from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.cost.figures import figure_model
from edgenas.cost.latency import latency_model
from edgenas.cost.model import CostModel
from edgenas.cost.network import example_input
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import open_profile, profile_space, same_weights
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.micro.c_source import array_in
from edgenas.export.package.contents import figures
from edgenas.export.quantise.quantised import random_calibration
from edgenas.measure.device import Device, load_device
from edgenas.measure.measurement import STATISTICS
from edgenas.measure.runtime import load_runtime, reported_by
from edgenas.measure.runtimes.run_tflite_micro import tried
from edgenas.measure.runtimes.run_vela import compiled
from edgenas.progress import Silent
from edgenas.selection.correction import settle
from edgenas.space import Architecture, Space, load_space

CLOCK_HZ = 500e6  # of the Ethos-U55 under Ethos_U55_High_End_Embedded


@dataclass(frozen=True)
class Row:
    """One network: its budgets, what its deployed file takes, and what was predicted of it before it was measured."""

    device: str
    seed: int
    rounds: int
    limits: dict[str, float]
    predicted: dict[str, float]
    deployed: dict[str, float]
    check: dict[str, object]
    held: bool


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Networks for each device.")
@click.option("--npu-shape", default=80, show_default=True, help="Side of the NPU's images.")
@click.option("--mcu-shape", default=96, show_default=True, help="Side of the microcontroller's images.")
@click.option("--device", "devices", multiple=True, default=("ethos-u55-128", "cortex-m7"), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(seeds: int, npu_shape: int, mcu_shape: int, devices: tuple[str, ...], as_json: bool) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        for name, side, metrics in (("ethos-u55-128", npu_shape, ("latency_ms", "sram_kib")),
                                    ("cortex-m7", mcu_shape, ("peak_memory_kib", "flash_kib"))):
            if name not in devices:
                continue
            case = Case(load_device(name), load_space("mobile", (3, side, side), 10), metrics, Path(folder))
            print(f"{name}, 3x{side}x{side}; the space reaches: " + ", ".join(
                f"{metric} {low:.4g} to {high:.4g}" for metric, model in case.models.items()
                for low, high in [model.reachable]), file=sys.stderr, flush=True)
            for seed in range(seeds):
                row = case.row(seed)
                print(json.dumps(asdict(row)) if as_json else row, flush=True)


class Case:
    def __init__(self, device: Device, space: Space, metrics: Sequence[str], folder: Path) -> None:
        self.device, self.space, self.folder, self.runtime = device, space, folder, device.runtimes[0]
        profile = open_profile(device, self.runtime, folder=folder)
        profile_space(space, device, profile)
        self.models = {metric: self.model(metric, profile) for metric in metrics}
        limits = {"sram_kib": 256.0, "peak_memory_kib": 320.0, "flash_kib": 1024.0}
        self.budgets = [Budget(m, limits.get(m, 0.5 * self.models[m].reachable[1])) for m in metrics]

    def model(self, metric: str, profile: Profile) -> CostModel:
        if metric == "latency_ms":
            return latency_model(self.space, profile, STATISTICS[0])[0]
        told = reported_by(self.runtime, metric)
        return figure_model(self.space, profile, metric, told) if told else exact_model(self.space, metric, "int8")

    def row(self, seed: int) -> Row:
        generator = torch.Generator().manual_seed(seed)
        scores = {choice: {name: float(torch.randn((), generator=generator)) for name in names}
                  for choice, names in self.space.choices.items()}
        found = settle(scores, self.models, self.budgets, self.costs, Silent())
        chosen = next(r for r in found.rounds if r.architecture == found.architecture)
        deployed, check = self.deploy(found.architecture)
        return Row(self.device.name, seed, len(found.rounds), {b.metric: b.limit for b in self.budgets},
                   dict(chosen.predicted), deployed, check, all(deployed[b.metric] <= b.limit for b in self.budgets))

    def costs(self, architecture: Architecture) -> Mapping[str, float]:
        path = self.export("tflite", architecture)
        session = load_runtime(self.runtime).open(path, **self.device.settings_of(self.runtime))
        known: Mapping[str, float] = getattr(session, "figures", {})
        return {m: known["cycles"] / CLOCK_HZ * 1e3 if m == "latency_ms" else path.stat().st_size / 1024
                if m == "flash_kib" else known[{"sram_kib": "sram_kib", "peak_memory_kib": "arena_kib"}[m]]
                for m in self.models}

    def deploy(self, architecture: Architecture) -> tuple[dict[str, float], dict[str, object]]:
        plain = self.export("tflite", architecture)
        if self.runtime == "vela":
            kept = figures(self.export("ethosu", architecture))
            again = compiled(str(plain), **self.device.settings_of("vela"))
            return ({"latency_ms": kept["cycles"] / CLOCK_HZ * 1e3, "sram_kib": kept["sram_kib"]},
                    {"vela again": [float(again.summary["cycles_total"]), float(again.summary["sram_memory_used"])],
                     "cycles": kept["cycles"], "beside the NPU": len(again.left), "file_kib": kept["file_kib"]})
        array = self.export("c_array", architecture)
        content, arena = array_in(array.read_text()), round(figures(array)["arena_kib"] * 1024)
        return ({"peak_memory_kib": arena / 1024, "flash_kib": len(content) / 1024},
                {"is the int8 file": content == plain.read_bytes(), "arena": arena,
                 "runs in it": not tried(content, arena), "runs in 16 less": not tried(content, arena - 16)})

    def export(self, format: str, architecture: Architecture) -> Path:
        to, example = exporter(format), example_input(self.space.input_shape, torch.Generator().manual_seed(0))
        with same_weights():
            module: nn.Module = self.space.build(architecture).eval()
        path = self.folder / f"{self.device.name}{to.suffix}"
        to.export([Export(module, example, path, random_calibration(example))], target=self.device.name
                  if to.runtime else "host", precision="int8")
        return path


if __name__ == "__main__":
    main()
