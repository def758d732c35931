"""One search in NAS-Bench-201's space, in this process: what nasbench201_search.py makes its tables from.

Writes the candidates' scores, and the validation accuracies of the networks that the supernet's weights were asked
about at every budget, so that each way of picking can be looked up afterwards; minutes of processor time and peak
memory beside them.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import torch
from nasbench201_known import Known, latency_model
from torch import nn

from edgenas.budget import Budget
from edgenas.checkpoint import epoch_generator
from edgenas.cost.model import CostModel, exact_model
from edgenas.data import Task, load
from edgenas.data.task import Split
from edgenas.files import write_json
from edgenas.run.settling import FLOOR, constraints_of
from edgenas.search.decode import Constraint, Scores
from edgenas.search.scoring import sample
from edgenas.search.search import SearchSettings, search
from edgenas.search.strategy import load_strategy
from edgenas.space import Architecture, Space, follow, load_space
from edgenas.training import accuracy, new_fabric, recalibrate

CANDIDATES = 16
VALIDATION_IMAGES = 500


@click.command()
@click.argument("strategy")
@click.option("--out", required=True, type=click.Path(path_type=Path))
@click.option("--data", required=True)
@click.option("--accuracy", "accuracy_file", required=True, type=click.Path(path_type=Path))
@click.option("--latency", "latency_file", required=True, type=click.Path(path_type=Path))
@click.option("--budgets", required=True, help="JSON: [[device, percentile, limit_ms], …]")
@click.option("--under", default=None, help="JSON: [device, percentile, limit_ms] to search under.")
@click.option("--options", default="{}", help="JSON: the strategy's options.")
@click.option("--seed", default=0)
@click.option("--epochs", default=12)
@click.option("--max-images", default=8000)
@click.option("--image-size", default=16)
@click.option("--channels", default=8)
def main(strategy: str, out: Path, data: str, accuracy_file: Path, latency_file: Path, budgets: str, under: str | None,
         options: str, seed: int, epochs: int, max_images: int, image_size: int, channels: int) -> None:
    torch.set_num_threads(1)
    task = load(data, image_size=image_size, max_images=max_images, seed=seed)
    limits = [tuple(row) for row in json.loads(budgets)]
    known = Known.read(accuracy_file, latency_file, sorted({device for device, _, _ in limits}))
    space = load_space("nasbench201", task.input_shape, len(task.classes),
                       {"channels": str(channels), "cells": "1", "affine": "false"})
    models = {device: latency_model(known, device, space, seed) for device, _, _ in limits}
    bound = json.loads(under) if under else None
    own = ({"latency_ms": models[bound[0]]}, [Budget("latency_ms", bound[2])]) if bound else ({}, [])
    made = load_strategy(strategy, json.loads(options))
    began = time.process_time()
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        result = search(space, task, made, *own, seed=seed, checkpoint=Path(folder) / "checkpoint.pt",
                        settings=SearchSettings(epochs=epochs, batch_size=64), fabric=new_fabric("cpu"))
    minutes = (time.process_time() - began) / 60  # of one thread, whatever else the machine does
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wanted: list[Any] = [bound] if bound else [None, *limits]
    tried = [asked(result.supernet, task, space, made.trains_supernet, result.scores, models, limit, seed)
             for limit in wanted]
    write_json(out, {"strategy": strategy, "seed": seed, "under": bound, "minutes": minutes, "peak_mib": peak_mib,
                     "scores": result.scores, "history": result.history, "tried": tried})


def asked(supernet: nn.Module, task: Task, space: Space, trained: bool, scores: Scores, models: dict[str, CostModel],
          limit: Any, seed: int) -> dict[str, Any]:
    """What the supernet's weights say of CANDIDATES networks within a budget, as `edgenas search` asks them."""
    fabric, part = new_fabric("cpu"), Split(task.validation.images[:VALIDATION_IMAGES],
                                            task.validation.labels[:VALIDATION_IMAGES])

    def evaluate(architecture: Architecture) -> float:
        follow(supernet, architecture)
        recalibrate(supernet, task.train, task, fabric, images=VALIDATION_IMAGES)
        return accuracy(supernet, part, task, fabric)

    generator = epoch_generator(seed, 0, "candidates")
    candidates = sample(scores, within(space, models, limit), CANDIDATES, generator) if trained else []
    return {"budget": limit, "networks": [{"architecture": dict(a), "validation": evaluate(a)} for a in candidates]}


def within(space: Space, models: dict[str, CostModel], limit: Any) -> list[Constraint]:
    if limit is None:
        return [Constraint(exact_model(space, "macs"), float("inf"))]
    device, _, limit_ms = limit
    return constraints_of({"latency_ms": models[device]}, [Budget("latency_ms", limit_ms)], caution=1.0, floor=FLOOR)


if __name__ == "__main__":
    main()
