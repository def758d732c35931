"""One search in NAS-Bench-201's space, in this process: what nasbench201_search.py makes its tables from.

Writes the candidates' scores, and for every budget the networks that were tried: their zero-cost measures, and the
validation accuracies of the first of them by the supernet's weights, so that each way of picking can be looked up
afterwards; minutes of processor time and peak memory beside them. Measures of networks that an earlier search of the
same seed has tried are taken from a file beside the output.
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
from nasbench201_known import Known, latency_model, written
from torch import nn

from edgenas.budget import Budget
from edgenas.checkpoint import epoch_generator
from edgenas.cost.model import CostModel, exact_model
from edgenas.data import Task, load
from edgenas.data.task import Split
from edgenas.files import write_json
from edgenas.run.limits import well_used
from edgenas.search.decode import Constraint, Scores
from edgenas.search.scoring import sample
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import Strategy, load_strategy
from edgenas.search.zero_cost import IMAGES, blocks_of, measures_of
from edgenas.space import Architecture, Space, follow, load_space
from edgenas.training import accuracy, new_fabric, recalibrate

CANDIDATES = 64
VALIDATED = 16  # of these
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
    known_file = out.parent / f"zero_cost-{seed}.json"
    measured = json.loads(known_file.read_text(encoding="utf-8")) if known_file.exists() else {}
    ask = Asked(result.supernet, task, space, made, seed, measured)
    tried = [ask.within(result.scores, models, limit) for limit in wanted]
    write_json(known_file, ask.measured)
    write_json(out, {"strategy": strategy, "seed": seed, "under": bound, "minutes": minutes, "peak_mib": peak_mib,
                     "scores": result.scores, "history": result.history, "tried": tried})


class Asked:
    """What is known of the networks that a search would try, each asked once."""

    def __init__(self, supernet: nn.Module, task: Task, space: Space, strategy: Strategy, seed: int,
                 measured: dict[str, dict[str, float]]) -> None:
        self.supernet, self.task, self.space, self.strategy, self.seed = supernet, task, space, strategy, seed
        self.measured = measured
        self.validated: dict[str, dict[str, float]] = {}
        self.blocks, self.macs = blocks_of(space), exact_model(space, "macs")
        self.images = task.normalise(task.train.images[:IMAGES])

    def within(self, scores: Scores, models: dict[str, CostModel], limit: Any) -> dict[str, Any]:
        """Of CANDIDATES networks within a budget, sampled as `edgenas search` does."""
        generator = epoch_generator(self.seed, 0, "candidates")
        candidates = sample(scores, within(self.space, scores, models, limit), CANDIDATES, generator)
        return {"budget": limit, "networks": [self.row(architecture, number < VALIDATED) for number, architecture
                                              in enumerate(candidates if self.strategy.tries else [])]}

    def row(self, architecture: Architecture, validate: bool) -> dict[str, Any]:
        name = written(architecture)
        if name not in self.measured:
            self.measured[name] = self.zero_cost(architecture)
        if validate and self.strategy.trains_supernet and name not in self.validated:
            self.validated[name] = {"validation": self.validation(architecture)}
        return {"architecture": dict(architecture), "zero_cost": self.measured[name],
                **(self.validated.get(name, {}) if validate else {})}

    def validation(self, architecture: Architecture) -> float:
        fabric, part = new_fabric("cpu"), Split(self.task.validation.images[:VALIDATION_IMAGES],
                                                self.task.validation.labels[:VALIDATION_IMAGES])
        with self.strategy.passes(self.supernet, 1.0):
            follow(self.supernet, architecture)
            recalibrate(self.supernet, self.task.train, self.task, fabric, images=VALIDATION_IMAGES)
            return accuracy(self.supernet, part, self.task, fabric)

    def zero_cost(self, architecture: Architecture) -> dict[str, float]:
        found = measures_of(self.space.build(architecture), self.blocks, self.images,
                            epoch_generator(self.seed, 0, "zero-cost"))
        return found | {"macs": self.macs.predict(architecture)}


def within(space: Space, scores: Scores, models: dict[str, CostModel], limit: Any) -> list[Constraint]:
    if limit is None:
        return [Constraint(exact_model(space, "macs"), float("inf"))]
    device, _, limit_ms = limit
    return well_used(scores, {"latency_ms": models[device]}, [Budget("latency_ms", limit_ms)])


if __name__ == "__main__":
    main()
