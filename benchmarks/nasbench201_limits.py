"""What no search of nasbench201_search.py could do better: the limits of decoding there, and of training that small.

First the regret of the best network that lies within a budget as the cost model of 50 networks predicts it. Then
how well random networks, each trained by itself at the size of those searches, rank as the published trainings do
(Spearman), beside their multiply-accumulates.

    python benchmarks/nasbench201_limits.py --data CIFAR10 --accuracy accuracy.csv --latency latency_ms.csv
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import torch
from nasbench201_known import Known, latency_model, parsed, written
from nasbench201_picks import budgets_of
from nasbench201_search import DEVICES
from published import guarded
from scipy.stats import spearmanr

from edgenas.budget import Budget
from edgenas.cost.model import exact_model
from edgenas.data import Task, load
from edgenas.run.limits import safe, well_used
from edgenas.space import Space, load_space
from edgenas.train import TrainSettings, train
from edgenas.training import new_fabric


@click.command()
@click.option("--data", required=True)
@click.option("--accuracy", "accuracy_file", required=True, type=click.Path(path_type=Path))
@click.option("--latency", "latency_file", required=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--networks", default=30, show_default=True, help="Trained by themselves.")
@click.option("--epochs", default=4, show_default=True)
@click.option("--max-images", default=8000, show_default=True)
def main(data: str, accuracy_file: Path, latency_file: Path, seeds: int, networks: int, epochs: int,
         max_images: int) -> None:
    torch.set_num_threads(1)
    known = Known.read(accuracy_file, latency_file, DEVICES)
    task = load(data, image_size=16, max_images=max_images, seed=0)
    space = load_space("nasbench201", task.input_shape, len(task.classes), {"channels": "8", "cells": "1"})
    for seed in range(seeds):
        print(f"seed {seed}: the best within reach has a mean regret of {best_within(known, space, seed):.2f}")
    print_ranks(known, space, task, networks, epochs)


def best_within(known: Known, space: Space, seed: int) -> float:
    """Mean over the budgets."""
    accuracy, regrets = known.accuracy_percent["cifar10"], []
    architectures = [parsed(name) for name in known.index]
    for limit in budgets_of(known):
        device, _, limit_ms = limit
        even = {choice: dict.fromkeys(names, 0.0) for choice, names in space.choices.items()}
        (asked,) = well_used(even, {"latency_ms": latency_model(known, device, space, seed)},
                             [Budget("latency_ms", limit_ms)])
        predicted_ms = np.array([asked.model.predict(a) for a in architectures])
        held = known.latency_ms[device] <= safe(Budget("latency_ms", limit_ms))
        reached = held & (predicted_ms <= asked.limit) & (predicted_ms >= asked.floor)
        regrets.append(known.oracle("cifar10", device, limit_ms) - accuracy[reached].max())
    return float(np.mean(regrets))


def print_ranks(known: Known, space: Space, task: Task, networks: int, epochs: int) -> None:
    generator, macs = torch.Generator().manual_seed(7), exact_model(space, "macs")
    drawn = [a for a in (space.random(generator) for _ in range(2 * networks)) if written(a) in known.index][:networks]
    settings, found = TrainSettings(epochs=epochs, lr=0.1), []
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        for number, architecture in enumerate(drawn):
            torch.manual_seed(0)
            found.append(train(space.build(architecture), task, settings=settings, seed=0, fabric=new_fabric("cpu"),
                               checkpoint=Path(folder) / f"{number}.pt")[0])
    published = [known.accuracy_percent["cifar10"][known.row(a)] for a in drawn]
    for name, values in (("validation accuracy", found), ("MACs", [macs.predict(a) for a in drawn])):
        print(f"{networks} networks trained for {epochs} epochs: {name} ranks as published with "
              f"{spearmanr(published, values)[0]:.2f}")


if __name__ == "__main__":
    guarded(main)
