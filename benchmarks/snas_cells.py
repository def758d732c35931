"""SNAS as published: does its child keep the supernet's accuracy, where DARTS's does not? And what does latency leave?

In the space `cell` on CIFAR-10, made small: SNAS and DARTS search without a budget; the supernet's validation accuracy,
that of the child cut out of it without retraining (batch norms' statistics taken anew), and the test accuracy of the
child after fine-tuning. DARTS's child keeps two edges a node, as its authors have it, SNAS's as many as are left; both
are also cut out by the other's rule. Then SNAS searches under three latency budgets of this machine: edges that remain,
and the cells as pictures. Interrupt at will, the same command goes on.

    python benchmarks/snas_cells.py --data CIFAR10 --out runs/snas_cells
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import click
import torch
from lightning_fabric import Fabric
from torch import nn

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.model import CostModel
from edgenas.cost.profiling import open_profile, profile_space
from edgenas.data import Task, load
from edgenas.files import write_json, write_text
from edgenas.measure.device import load_device
from edgenas.report.drawing import Drawn
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.relaxation import GumbelSoftmax, Relaxation, Softmax
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import Architecture, Route, Space, follow, load_space, pick, places_of
from edgenas.train.fabric import accuracy, new_fabric, recalibrate
from edgenas.train.loop import train
from edgenas.train.settings import TrainSettings

PRESSURES = {"weak": 0.75, "moderate": 0.5, "strong": 0.25}
"""Budgets: shares of the way from the cheapest network's latency to that of what is found without a budget."""
COLD = 0.2  # snas's last temperature
RELAXED: dict[str, Relaxation] = {"snas": GumbelSoftmax(COLD), "darts": Softmax()}


@click.command()
@click.option("--data", required=True)
@click.option("--out", default="runs/snas_cells", show_default=True, type=click.Path(path_type=Path))
@click.option("--epochs", default=20, show_default=True)
@click.option("--tuning-epochs", default=8, show_default=True)
@click.option("--max-images", default=6000, show_default=True)
@click.option("--image-size", default=16, show_default=True)
@click.option("--channels", default=6, show_default=True)
@click.option("--cells", default=3, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--pressures", default=",".join(PRESSURES), show_default=True, help="Budgets, by name.")
@click.option("--quick", is_flag=True, help="One epoch each, to see that it runs.")
def main(data: str, out: Path, epochs: int, tuning_epochs: int, max_images: int, image_size: int, channels: int,
         cells: int, seed: int, pressures: str, quick: bool) -> None:
    torch.set_num_threads(1)
    epochs, tuning_epochs, max_images = (1, 1, 600) if quick else (epochs, tuning_epochs, max_images)
    task = load(data, image_size=image_size, max_images=max_images, seed=seed)
    options = {"channels": str(channels), "cells": str(cells)}
    space, two = (load_space("cell", task.input_shape, len(task.classes), options | extra)
                  for extra in ({}, {"keep": "2"}))
    settings = SearchSettings(epochs=epochs, batch_size=64)
    print("strategy | supernet | child as it is: its own rule, the other's | tuned, test | entropy first, last")
    for name, own, other in (("snas", space, two), ("darts", two, space)):
        row = kept(out / f"{name}.json", lambda: parity(  # noqa: B023
            name, space, own, other, task, settings, tuning_epochs, seed, out))  # noqa: B023
        print("{strategy} | {supernet:.1%} | {own:.1%}, {other:.1%} | {tuned:.1%} | {first:.3f}, {last:.3f}".format(
            **row, first=row.entropy[0], last=row.entropy[-1]), flush=True)
    model = profiled(space)
    print("pressure | budget, ms | predicted, ms | edges: normal, reduction | dead nodes | entropy")
    free: float | None = None
    for pressure in ("none", *pressures.split(",")):
        limit = None if free is None else model.reachable[0] + PRESSURES[pressure] * (free - model.reachable[0])
        row = kept(out / f"pressure-{pressure}.json",
                   lambda: pressed(pressure, limit, space, task, model, settings, seed, out))  # noqa: B023
        free = free or row["predicted_ms"]
        print("{pressure} | {limit_ms} | {predicted_ms:.3f} | {edges} | {dead} | {entropy:.3f}".format(**row),
              flush=True)


def kept(path: Path, make: Any) -> dict[str, Any]:
    if not path.exists():
        write_json(path, make())
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def parity(name: str, space: Space, own: Space, other: Space, task: Task, settings: SearchSettings, tuning: int,
           seed: int, out: Path) -> dict[str, Any]:
    fabric = new_fabric("cpu")
    result = search(space, task, load_strategy(name), {}, [], settings=settings, seed=seed, fabric=fabric,
                    checkpoint=out / f"{name}.pt")
    follow(result.supernet, picked_of(result.scores, own))  # the last step's routes hang on its gradient
    children = {rule: child_of(result, picked_of(result.scores, chosen)) for rule, chosen in
                (("own", own), ("other", other))}
    found = {rule: cut(child, task, fabric) for rule, child in children.items()}
    supernet = mixture(result, RELAXED[name], seed)
    accuracy_of_supernet = cut(supernet, task, fabric)
    tuned = children["own"]
    train(tuned, task, settings=TrainSettings(epochs=tuning, lr=0.025), seed=seed,
          checkpoint=out / f"{name}-tuned.pt", fabric=fabric)
    draw(out / f"{name}", own, picked_of(result.scores, own))
    return {"strategy": name, "supernet": accuracy_of_supernet, **found,
            "tuned": accuracy(tuned, task.test, task, fabric), "entropy": [row.entropy for row in result.history],
            "parameter_free": [row.parameter_free for row in result.history],
            "architecture": dict(picked_of(result.scores, own))}


def picked_of(scores: Scores, space: Space) -> Architecture:
    """The likeliest network that the space's rules allow."""
    found = decode(scores, [Constraint(exact_model(space, "macs"), float("inf"))])
    assert found is not None
    return found


def child_of(result: SearchResult, architecture: Architecture) -> nn.Module:
    return pick(copy.deepcopy(result.supernet), architecture)


def cut(network: nn.Module, task: Task, fabric: Fabric) -> float:
    """Validation accuracy, batch norms' statistics taken anew."""
    recalibrate(network, task.train, task, fabric)
    return accuracy(network, task.validation, task, fabric)


def mixture(result: SearchResult, relaxation: Relaxation, seed: int) -> nn.Module:
    """A copy of the supernet that samples its paths anew in each forward pass, as in the search's last step."""
    supernet, generator = copy.deepcopy(result.supernet), torch.Generator().manual_seed(seed)
    logits = torch.tensor([list(row.values()) for row in result.scores.values()])

    def route(*_: Any) -> None:
        weights = relaxation.sample(logits, generator).weights
        for row, places in zip(weights, places_of(supernet).values(), strict=True):
            for choice in places:
                choice.route = Route(tuple(range(len(row))), row)

    supernet.register_forward_pre_hook(route)
    return supernet


def profiled(space: Space) -> CostModel:
    """Of this machine with onnxruntime, one thread."""
    device = load_device("host")
    profile = open_profile(device, "onnxruntime")
    if missing_blocks(space, profile) or missing_networks(space, profile):
        profile_space(space, device, profile, say=print)
    return latency_model(space, profile, "median_of_minima")[0]


def pressed(pressure: str, limit: float | None, space: Space, task: Task, model: CostModel, settings: SearchSettings,
            seed: int, out: Path) -> dict[str, Any]:
    models, budgets = ({}, []) if limit is None else ({"latency_ms": model}, [Budget("latency_ms", limit)])
    result = search(space, task, load_strategy("snas"), models, budgets, settings=settings, seed=seed,
                    fabric=new_fabric("cpu"), checkpoint=out / ("snas.pt" if limit is None else f"{pressure}.pt"))
    found = decode(result.scores, [Constraint(model, limit or float("inf"))])
    assert found is not None
    draw(out / f"pressure-{pressure}", space, found)
    present = [graph.present(found) for graph in space.graphs]
    dead = sum(all(e.target != node for e in edges) for graph, edges in zip(space.graphs, present, strict=True)
               for node in graph.nodes)
    return {"pressure": pressure, "limit_ms": None if limit is None else round(limit, 4),
            "predicted_ms": model.predict(found), "edges": ", ".join(str(len(edges)) for edges in present),
            "dead": dead, "entropy": result.history[-1].entropy, "architecture": dict(found)}


def draw(path: Path, space: Space, architecture: Architecture) -> None:
    for graph in space.graphs:
        edges = [(e.source, e.target, architecture[e.choice]) for e in graph.present(architecture)]
        write_text(path.with_name(f"{path.name}-{graph.name}.svg"),
                   Drawn([*graph.inputs, *graph.nodes], graph.inputs, edges).svg())


if __name__ == "__main__":
    main()
