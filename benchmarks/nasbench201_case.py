"""One search in NAS-Bench-201's space, in this process: what nasbench201_search.py makes its tables from.

Settles on a network under every budget, as `edgenas search` does, with its published latency in the place of a
measurement, for each way of ranking candidates. Writes these networks, the candidates' scores, minutes of processor
time and peak memory. Measures and trial trainings of networks that an earlier search of the same seed has tried are
taken from files beside the output; what a trial took then is counted as if it were done again.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import torch
from nasbench201_candidates import Candidates, Kept, wanted_by
from nasbench201_known import Known, latency_model
from scipy.stats import spearmanr

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.data import load
from edgenas.files import write_json
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.selection.correction import settle
from edgenas.selection.limits import FLOOR, LOW_FLOOR, well_used
from edgenas.space import Architecture, load_space
from edgenas.train.fabric import new_fabric


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
@click.option("--trials", is_flag=True)
def main(strategy: str, out: Path, data: str, accuracy_file: Path, latency_file: Path, budgets: str, under: str | None,
         options: str, seed: int, epochs: int, max_images: int, image_size: int, channels: int,
         trials: bool) -> None:
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
    candidates = Candidates(result.supernet, task, space, made, seed, Kept(out.parent / f"zero_cost-{seed}.json"),
                            Kept(out.parent / f"trials-{seed}.json") if trials else None)
    settled = [row for limit in wanted for row in settled_on(candidates, result.scores, models, known, limit)]
    write_json(out, {"strategy": strategy, "seed": seed, "under": bound, "minutes": minutes, "peak_mib": peak_mib,
                     "scores": result.scores, "history": [row.to_json() for row in result.history], "settled": settled})


def settled_on(candidates: Candidates, scores: Scores, models: dict[str, CostModel], known: Known,
               limit: Any) -> list[dict[str, Any]]:
    """The network that each way of ranking ends with, how many were measured, and how the first ranking agrees with
    the published accuracies (Spearman)."""
    rows = []
    for way in candidates.ways:
        orders: list[list[Architecture]] = []
        candidates.trial_minutes = 0.0
        if limit is None:
            free = [Constraint(candidates.untrained.macs, float("inf"))]
            orders.append(candidates.ranked(way, scores, free))
            best = orders[0][:wanted_by(way)]
            picked, rounds = candidates.fastest(best) if len(best) > 1 else (best or [decode(scores, free)])[0], 0
        else:
            picked, rounds = settled_under(candidates, way, scores, models, known, limit, orders)
        points = [known.accuracy_percent["cifar10"][known.row(a)] for a in orders[0]]
        agreement = float(spearmanr(range(len(points), 0, -1), points)[0]) if len(points) > 2 else None
        assert picked is not None
        rows.append({"budget": limit, "way": way, "architecture": dict(picked), "rounds": rounds,
                     "agreement": agreement, "trial_minutes": candidates.trial_minutes})
    return rows


def settled_under(candidates: Candidates, way: str, scores: Scores, models: dict[str, CostModel], known: Known,
                  limit: Any, orders: list[list[Architecture]]) -> tuple[Architecture, int]:
    device, _, limit_ms = limit
    budgets, floor = [Budget("latency_ms", limit_ms)], LOW_FLOOR if "zero-cost" in way else FLOOR

    def measured(architecture: Architecture) -> dict[str, float]:
        return {"latency_ms": known.latency_of(device, architecture)}

    def rank(corrected: Mapping[str, CostModel]) -> list[Architecture]:
        orders.append(candidates.ranked(way, scores, well_used(scores, corrected, budgets, floor)))
        return orders[-1]

    found = settle(scores, {"latency_ms": models[device]}, budgets, measured, Silent(), rank=rank,
                   wanted=wanted_by(way), choose=candidates.fastest)
    return found.architecture, len(found.rounds)


if __name__ == "__main__":
    main()
