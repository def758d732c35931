"""How well `edgenas predict` tells the latency of ONNX files of other kinds than mobile networks.

Attention, convolutions along a series, transposed ones, tiles in the place of a batch, layers over rows, gates and
resizing: a network of each kind and seed, with random widths, exported, measured and predicted. Files are measured
in turns, so that what else the machine does strikes all alike, and with them some operators of the profile once more:
how fast the machine is now against then is taken off. With --like the profile learns from one file of each kind, of a
seed of its own, as `edgenas profile --like` does.

    python benchmarks/foreign_files.py --operators 200 --seeds 2 --out runs/foreign
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from torch import Tensor, nn

from edgenas.cli.terminal import Terminal
from edgenas.cost.kernels.model import KernelModel, Prediction
from edgenas.cost.kernels.modules import Attention, Mean, Rows
from edgenas.cost.kernels.sampling import sample
from edgenas.cost.network import Shape
from edgenas.cost.onnx.network import read_onnx
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import exported, open_profile, profile_space
from edgenas.flow.profile_operators import profile_like, profile_operators
from edgenas.measure.device import Device, load_device
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.measure.measurement import STATISTICS
from edgenas.space import load_space

SPACE = ("mobile", (3, 32, 32), 10)
ANCHORS = 8
OWN_SEED = 1000
Made = tuple[nn.Module, Shape]


class Tiles(nn.Module):
    """An image's 16 tiles, each through the same convolutions."""

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
                                  nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(16 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x.view(16, 3, self.side, self.side)).view(1, -1))
        return out


class Around(nn.Module):
    """A body with a shortcut."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Gate(nn.Module):
    """One half of the channels times the sigmoid of the other (Dauphin et al., arXiv:1612.08083)."""

    def forward(self, x: Tensor) -> Tensor:
        value, gate = x.chunk(2, 1)
        return value * torch.sigmoid(gate)


def transformer(width: int, side: int) -> Made:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 8, 8), Rows((width, side // 8, side // 8), as_they_lie=False)]
    for _ in range(2):
        layers += [Around(nn.LayerNorm(width), Attention(width, 4)),
                   Around(nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))]
    return nn.Sequential(*layers, Mean(), nn.Linear(width, 10)), (3, side, side)


def series(width: int, side: int) -> Made:
    return nn.Sequential(nn.Conv1d(16, width, 9, padding=4), nn.ReLU(), nn.Conv1d(width, 2 * width, 5, 2, 2), nn.ReLU(),
                         Mean(), nn.Linear(4 * side, 10)), (16, 8 * side)


def rows(width: int, side: int) -> Made:
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), Rows((width, side // 2, side // 2), as_they_lie=True),
                         nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width), Mean()), (3, side, side)


def tiles(width: int, side: int) -> Made:
    return Tiles(width, side // 4), (48, side // 4, side // 4)


def upwards(width: int, side: int) -> Made:
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear"),
                         nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU(),
                         nn.ConvTranspose2d(width, width // 2, 4, 2, 1), nn.ReLU(), *_head(width // 2)), (3, side, side)


def gated(width: int, side: int) -> Made:
    return nn.Sequential(nn.Conv2d(3, 2 * width, 3, 2, 1), Gate(), nn.Conv2d(width, 2 * width, 3, 2, 1), nn.SiLU(),
                         *_head(2 * width)), (3, side, side)


def plain(width: int, side: int) -> Made:
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(),
                         nn.Conv2d(2 * width, 2 * width, 3, padding=1), nn.ReLU(), *_head(2 * width)), (3, side, side)


def _head(width: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]


KINDS: dict[str, Callable[[int, int], Made]] = {
    "transformer": transformer, "series": series, "rows": rows, "tiles": tiles, "upwards": upwards, "gated": gated,
    "plain": plain}


def network(kind: str, seed: int) -> Made:
    generator = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module, shape = KINDS[kind](8 * int(generator.integers(2, 9)), 16 * int(generator.integers(2, 6)))
    return module.eval(), shape


@dataclass(frozen=True)
class Row:
    """In ms; measured_ms as if the machine were as fast as when the profile was made."""

    name: str
    measured_ms: float
    predicted_ms: float
    low_ms: float | None
    high_ms: float | None
    never_profiled: tuple[str, ...]

    @property
    def error(self) -> float:
        return self.predicted_ms / self.measured_ms - 1

    @property
    def inside(self) -> bool | None:
        if self.low_ms is None or self.high_ms is None:
            return None
        return self.low_ms <= self.measured_ms <= self.high_ms


@click.command()
@click.option("--device", default="host", show_default=True)
@click.option("--operators", default=200, show_default=True, help="Single operators to measure.")
@click.option("--seeds", default=2, show_default=True, help="Networks of each kind.")
@click.option("--like", is_flag=True, help="Measure also what is like one file of each kind.")
@click.option("--space/--no-space", default=True, show_default=True, help="Profile mobile at 32×32 as well.")
@click.option("--out", default="runs/foreign", show_default=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(device: str, operators: int, seeds: int, like: bool, space: bool, out: Path, as_json: bool) -> None:
    target = load_device(device)
    with Terminal() as terminal, tempfile.TemporaryDirectory() as folder:
        profile = open_profile(target, "onnxruntime", folder=out)
        profile_operators(target, profile, operators, terminal)
        if space:
            profile_space(load_space(*SPACE), target, profile, say=terminal.say)
        if like:
            for path in files(OWN_SEED, target, profile, Path(folder)).values():
                profile_like(target, profile, read_onnx(path).network, terminal)
        found = rows_of(target, profile, seeds, Path(folder))
    if as_json:
        click.echo(json.dumps([asdict(row) | {"error": row.error, "inside": row.inside} for row in found], indent=1))
        return
    for row in found:
        ends = "no interval" if row.low_ms is None else f"[{row.low_ms:.3f}, {row.high_ms:.3f}]"
        lacking = f", never profiled: {', '.join(row.never_profiled)}" if row.never_profiled else ""
        click.echo(f"{row.name:>16}: measured {row.measured_ms:.3f} ms, predicted {row.predicted_ms:.3f} {ends}, "
                   f"error {row.error:+.1%}{lacking}")
    errors, told = [abs(row.error) for row in found], [row.inside for row in found if row.inside is not None]
    click.echo(f"|error|: mean {np.mean(errors):.1%}, median {np.median(errors):.1%}; of {len(found)} networks "
               f"{len(told)} with an interval, which holds {sum(told)}")


def rows_of(device: Device, profile: Profile, seeds: int, folder: Path) -> list[Row]:
    """All files in turns, with the operators of the profile that tell how fast the machine is now."""
    paths = {f"{kind} {seed}": path for seed in range(seeds)
             for kind, path in files(seed, device, profile, folder).items()}
    known = [kernel for kernel in sample(200) if kernel.network.signature in profile.blocks][::25][:ANCHORS]
    anchors = exported([(kernel.module, kernel.input_shape) for kernel in known], device, profile, folder)
    artifacts = [*anchors, *(Artifact(name, path) for name, path in paths.items())]
    times = {m.id: m.latency_ms(STATISTICS[0]) for m in measure(
        device, profile.header.runtime, artifacts, threads=profile.header.threads, interleave=True)}
    then = [profile.blocks[kernel.network.signature].latency_ms(STATISTICS[0]) for kernel in known]
    slower = float(np.median([times[anchor.id] / ms for anchor, ms in zip(anchors, then, strict=True)]))
    click.echo(f"the machine now takes {slower:.2f} times as long as when it was profiled", err=True)
    model = KernelModel.fit(profile, STATISTICS[0])
    return [_row(name, times[name] / slower, model.predict(read_onnx(path).network)) for name, path in paths.items()]


def _row(name: str, measured_ms: float, found: Prediction) -> Row:
    return Row(name, measured_ms, found.latency_ms, found.low_ms, found.high_ms, found.unknown)


def files(seed: int, device: Device, profile: Profile, folder: Path) -> dict[str, Path]:
    """A file of each kind, by kind."""
    place = folder / str(seed)
    place.mkdir(exist_ok=True)
    found = exported([network(kind, seed) for kind in KINDS], device, profile, place)
    return {kind: artifact.path for kind, artifact in zip(KINDS, found, strict=True)}


if __name__ == "__main__":
    main()
