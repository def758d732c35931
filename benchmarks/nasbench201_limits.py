"""What no search of nasbench201_search.py could do better: the limits of decoding there, and of training that small.

First the regret of the best network that lies within a budget as the cost model of 50 networks predicts it. Then
networks within one budget, each trained by itself at the size of those searches: how well what can be known before
ranks their own validation accuracies, which is what `edgenas search` is for, and the accuracies of the published
trainings, of larger networks on larger images (Spearman).

    python benchmarks/nasbench201_limits.py --data CIFAR10 --accuracy accuracy.csv --latency latency_ms.csv
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from nasbench201_known import Known, latency_model, parsed, written
from nasbench201_picks import budgets_of
from nasbench201_search import DEVICES
from published import guarded
from scipy.stats import spearmanr

from edgenas.cost.budget import Budget
from edgenas.data import Task, load
from edgenas.search.decode import even
from edgenas.search.settings import SearchSettings
from edgenas.selection.candidates import distinct
from edgenas.selection.learning_speed import trial_loss
from edgenas.selection.limits import LOW_FLOOR, safe, well_used
from edgenas.selection.ranking import ranked
from edgenas.selection.sampling import sample
from edgenas.selection.scores import Untrained
from edgenas.space import Architecture, Space, load_space
from edgenas.train.fabric import new_fabric
from edgenas.train.loop import train
from edgenas.train.settings import TrainSettings

LAST = 3  # epochs whose validation accuracies are averaged


@click.command()
@click.option("--data", required=True)
@click.option("--accuracy", "accuracy_file", required=True, type=click.Path(path_type=Path))
@click.option("--latency", "latency_file", required=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--networks", default=24, show_default=True, help="Trained by themselves.")
@click.option("--epochs", default=12, show_default=True)
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
        (asked,) = well_used(even(space.choices), {"latency_ms": latency_model(known, device, space, seed)},
                             [Budget("latency_ms", limit_ms)], LOW_FLOOR)
        predicted_ms = np.array([asked.model.predict(a) for a in architectures])
        held = known.latency_ms[device] <= safe(Budget("latency_ms", limit_ms))
        reached = held & (predicted_ms <= asked.limit) & (predicted_ms >= asked.floor)
        regrets.append(known.oracle("cifar10", device, limit_ms) - accuracy[reached].max())
    return float(np.mean(regrets))


def print_ranks(known: Known, space: Space, task: Task, networks: int, epochs: int) -> None:
    settings, fabric, untrained = TrainSettings(epochs=epochs, lr=0.1), new_fabric("cpu"), Untrained(
        space, task, new_fabric("cpu"), 0)
    within = drawn(known, space, untrained, networks)
    own, trials = [], []
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        for number, architecture in enumerate(within):
            torch.manual_seed(0)
            _, history = train(space.build(architecture), task, settings=settings, seed=0, fabric=fabric,
                               checkpoint=Path(folder) / f"{number}.pt")
            own.append(float(np.mean([row.validation for row in history[-LAST:]])))
            trials.append(trial_loss(partial(space.build, architecture), task, settings,
                                     SearchSettings().first_trial(epochs), 1, fabric,
                                     Path(folder) / f"trial{number}.pt"))
            print(f"{number + 1}/{len(within)} {written(architecture)} {own[-1]:.1%} {trials[-1]:.3f}", flush=True)
    published = [known.accuracy_percent["cifar10"][known.row(a)] for a in within]
    order = ranked({a: untrained.figures(a) for a in within})
    print(f"{len(within)} networks within a budget trained for {epochs} epochs: with {min(own):.1%} to {max(own):.1%}; "
          f"published {min(published):.1f}% to {max(published):.1f}%")
    for name, values in (("zero-cost measures", [-order.index(a) for a in within]),
                         ("MACs", [untrained.macs.predict(a) for a in within]),
                         ("trial: training loss", [-loss for loss in trials]), ("own accuracy", own)):
        print(f"{name:22} ranks these trainings with {spearmanr(own, values)[0]:+.2f}, the published with "
              f"{spearmanr(published, values)[0]:+.2f}")


def drawn(known: Known, space: Space, untrained: Untrained, count: int) -> list[Architecture]:
    """Random networks of different measures that are predicted to hold the median latency of a Raspberry Pi 4."""
    (limit_ms,) = (limit for device, percentile, limit in budgets_of(known) if (device, percentile) == ("raspi4", 50))
    scores = even(space.choices)
    models, budgets = {"latency_ms": latency_model(known, "raspi4", space, 0)}, [Budget("latency_ms", limit_ms)]
    found = sample(scores, well_used(scores, models, budgets, LOW_FLOOR), 2 * count, torch.Generator().manual_seed(7))
    return distinct(found, {a: untrained.figures(a) for a in found})[:count]


if __name__ == "__main__":
    guarded(main)
