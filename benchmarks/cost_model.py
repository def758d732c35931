"""How well latencies of networks are predicted that no one measured before: 40 random ones of the space `mobile`.

The profile is made first if it is not there, as `edgenas profile` does. Then the held-out networks, none of which
calibrates the model, are measured twice, ten of them taking turns, so that their ratios are steady; the difference
between the two is the repeat noise, below which no prediction can be. Predictions of edgenas stand beside the plain
sum of blocks and beside a straight line over MACs, fitted on the same calibration networks.
Interrupt at will, the same command goes on.

    python benchmarks/cost_model.py --runtime onnxruntime --image-size 32 --out runs/cost_model
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray

from edgenas.cli.terminal import Terminal
from edgenas.cost.accuracy import accuracy
from edgenas.cost.exact import exact_model
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.model import CostModel, blocks_of
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import exported, open_profile, profile_space, steps
from edgenas.cost.sampling import calibration_networks
from edgenas.files import write_json
from edgenas.measure.device import Device, load_device
from edgenas.measure.measure import measure
from edgenas.measure.measurement import STATISTICS
from edgenas.space import Architecture, Space, load_space

Floats = NDArray[np.float64]

SEED = 20240
CLASSES = 10
TOGETHER = 10  # networks that take turns, so that all of them are loaded at once


@click.command()
@click.option("--device", default="host", show_default=True)
@click.option("--runtime", default="onnxruntime", show_default=True)
@click.option("--image-size", default=32, show_default=True)
@click.option("--networks", default=40, show_default=True, type=click.IntRange(min=2), help="Held out.")
@click.option("--out", default="runs/cost_model", show_default=True, type=click.Path(path_type=Path),
              help="Folder of the profile and of what was measured.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(device: str, runtime: str, image_size: int, networks: int, out: Path, as_json: bool) -> None:
    space, target = load_space("mobile", (3, image_size, image_size), CLASSES), load_device(device)
    chosen = held_out(space, networks)
    with Terminal() as terminal:
        profile = open_profile(target, runtime, folder=out / "profiles")
        work = steps(profile, missing_blocks(space, profile), missing_networks(space, profile))
        terminal.start(f"profile {device} {runtime}", work)
        profile_space(space, target, profile, on_done=terminal.advance, say=terminal.say)
        times = twice(space, chosen, target, profile, out / f"{device}-{runtime}-{image_size}.json", terminal)
    report = compare(space, profile, chosen, times)
    if as_json:
        click.echo(json.dumps(report, indent=1))
        return
    for name, row in report.items():
        covered = "" if row["coverage"] is None else f", 90% interval holds {row['coverage']:.1%}"
        click.echo(f"{name:>22}: Spearman {row['spearman']:.3f}, Kendall {row['kendall']:.3f}, within ±5% "
                   f"{row['within_5']:.1%}, ±10% {row['within_10']:.1%}, MAPE {row['mape']:.2%}{covered}")


def held_out(space: Space, count: int) -> list[Architecture]:
    """Random architectures, none of which calibrates the model."""
    known = {blocks_of(space, a) for a in calibration_networks(space)}
    generator = torch.Generator().manual_seed(SEED)
    found: dict[tuple[str, ...], Architecture] = {}
    while len(found) < count:
        drawn = space.random(generator)
        if (blocks := blocks_of(space, drawn)) not in known:
            found.setdefault(blocks, drawn)
    return list(found.values())


def twice(space: Space, chosen: list[Architecture], device: Device, profile: Profile, path: Path,
          terminal: Terminal) -> Floats:
    """(2, n) latencies in ms, each row of one pass over all; read from `path` where they were measured before."""
    known: list[dict[str, float]] = json.loads(path.read_text()) if path.exists() else [{}, {}]
    terminal.start("held-out networks", 2 * len(chosen), sum(a.digest in row for row in known for a in chosen))
    for row in known:
        due = [a for a in chosen if a.digest not in row]
        for start in range(0, len(due), TOGETHER):
            row |= interleaved(space, due[start:start + TOGETHER], device, profile, terminal)
            write_json(path, known)
    return np.array([[row[a.digest] for a in chosen] for row in known])


def interleaved(space: Space, chosen: list[Architecture], device: Device, profile: Profile,
                terminal: Terminal) -> dict[str, float]:
    modules = [(space.build(a).eval(), space.input_shape) for a in chosen]
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        artifacts = exported(modules, device, profile, Path(folder))
        found = {}
        for result in measure(device, profile.header.runtime, artifacts, threads=profile.header.threads,
                              interleave=True, on_trouble=terminal.say):
            found[chosen[int(result.id)].digest] = result.latency_ms()
            terminal.advance()
    return found


def compare(space: Space, profile: Profile, chosen: list[Architecture], times: Floats) -> dict[str, Any]:
    model, _ = latency_model(space, profile, STATISTICS[0])
    truth = np.sqrt(times[0] * times[1])
    low, high = np.array([model.interval(a) for a in chosen]).T
    return {"edgenas": asdict(accuracy(predictions(model, chosen), truth, low, high)),
            "plain sum of blocks": asdict(accuracy(plain_sums(space, profile, chosen), truth)),
            "line over MACs": asdict(accuracy(line_over_macs(space, profile, chosen), truth)),
            "second measurement": asdict(accuracy(times[1], times[0]))}


def predictions(model: CostModel, chosen: list[Architecture]) -> Floats:
    return np.array([model.predict(a) for a in chosen])


def plain_sums(space: Space, profile: Profile, chosen: list[Architecture]) -> Floats:
    return np.array([sum(profile.blocks[s].latency_ms(STATISTICS[0]) for s in blocks_of(space, a)) for a in chosen])


def line_over_macs(space: Space, profile: Profile, chosen: list[Architecture]) -> Floats:
    """Least squares on relative errors, on the networks that calibrate the model."""
    macs = exact_model(space, "macs")
    ours = {blocks_of(space, a): macs.predict(a) for a in calibration_networks(space)}
    seen = np.array([(ours[n.blocks], n.measurement.latency_ms(STATISTICS[0])) for n in profile.networks.values()
                     if n.blocks in ours])
    slope, base = np.polyfit(seen[:, 0], seen[:, 1], 1, w=1 / seen[:, 1])
    return np.asarray(slope * predictions(macs, chosen) + base)


if __name__ == "__main__":
    main()
