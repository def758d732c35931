"""The same random networks in float32, in int8, and with each block in what is predicted to be faster: their latencies.

Weights are random: nothing is trained, and only time is compared. RUN is a run of mixed precision, whose space, device
and profile are taken. The three files of a network take turns. Prints Markdown.

    python benchmarks/mixed_networks.py runs/mixed --networks 6
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import click
import torch

from edgenas.cost.network import example_input
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import runtime_format
from edgenas.export.quantise.quantised import random_calibration
from edgenas.flow.run import Run
from edgenas.flow.work import Work
from edgenas.measure.job import Artifact
from edgenas.measure.measure import measure
from edgenas.space import Architecture
from edgenas.space.precision import int8_choices, uniform

SESSIONS = 3
HEAD = ("network", "blocks in int8", "fp32", "int8", "mixed", "mixed, predicted", "of the better one")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--networks", default=6, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(folder: Path, networks: int, seed: int) -> None:
    work = Work(Run.open(folder))
    generator = torch.Generator().manual_seed(seed)
    shares = []
    for cells in (HEAD, ("---",) * len(HEAD)):
        click.echo("| " + " | ".join(cells) + " |")
    for number in range(networks):
        drawn = work.space.random(generator)
        variants = {"fp32": uniform(drawn, work.space.choices, int8=False),
                    "int8": uniform(drawn, work.space.choices, int8=True)}
        variants["mixed"] = faster(work, variants["fp32"], variants["int8"])
        taken = latencies(work, variants)
        shares.append(taken["mixed"] / min(taken["fp32"], taken["int8"]))
        mixed = variants["mixed"]
        cells = (str(number + 1), f"{len(int8_choices(mixed))} of {len(mixed)}",
                 *(f"{taken[name]:.4f} ms" for name in variants),
                 f"{work.latency()[0].predict(mixed):.4f} ms", f"{shares[-1]:.2f}")
        click.echo("| " + " | ".join(cells) + " |")
    click.echo(f"\nmean of the better one: {statistics.mean(shares):.3f}; faster than both: "
               f"{sum(share < 1 for share in shares)} of {networks}")


def faster(work: Work, exact: Architecture, int8: Architecture) -> Architecture:
    """Each block in the precision in which the cost model has it faster."""
    table = work.latency()[0].table
    return Architecture({choice: min((exact[choice], int8[choice]), key=table[choice].__getitem__) for choice in exact})


def latencies(work: Work, variants: dict[str, Architecture]) -> dict[str, float]:
    """Measured, in ms: the median over sessions."""
    export, image = exporter(runtime_format(work.target.runtime)), example_input(work.space.input_shape)
    found: dict[str, list[float]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        items = [Export(work.space.build(a).eval(), image, Path(folder) / f"{name}{export.suffix}",
                        random_calibration(image)) for name, a in variants.items()]
        export.export(items, precision="mixed")
        artifacts = [Artifact(f"{name}#{i}", item.path) for i in range(SESSIONS)
                     for name, item in zip(variants, items, strict=True)]
        for result in measure(work.target.device, work.target.runtime, artifacts, threads=work.target.threads):
            found[result.id.partition("#")[0]].append(result.median_of_minima_ms)
    return {name: statistics.median(each) for name, each in found.items()}


if __name__ == "__main__":
    main()
