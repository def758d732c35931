"""Does a search hit its latency budget? Our multiplier and integer program beside the papers' penalties.

Each method searches the space `mobile` on the `digits` under three budgets of this machine, with several seeds. The
papers' penalties have their default weights, and their networks are derived as the papers do: each choice's likeliest
candidate. Ours is decoded by the integer program, measured, corrected and decoded again. What is compared is the
latency that the exported network then has, as a share of the budget, all networks of a budget measured together.
Interrupt at will, the same command goes on.

    python benchmarks/penalties.py --out runs/penalties
    python benchmarks/penalties.py --seeds 1 --budgets 50     # quick
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from edgenas.cost.budget import Budget
from edgenas.cost.latency import latency_model
from edgenas.cost.missing import missing_blocks, missing_networks
from edgenas.cost.model import CostModel
from edgenas.cost.profile import Profile
from edgenas.cost.profiling import measured, open_profile, profile_space, time_of
from edgenas.data import Task, load
from edgenas.files import write_json
from edgenas.measure.device import Device, load_device
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.selection.correction import settle
from edgenas.space import Architecture, Space, load_space
from edgenas.train.fabric import new_fabric

METHODS = (("multiplier", "snas"), ("proxyless_product", "proxyless"), ("proxyless_sum", "proxyless"),
           ("fbnet", "snas"), ("snas", "snas"))
"""What pulls to the budget, and the strategy that its paper has (FBNet's is a Gumbel-softmax, as SNAS's)."""


@click.command()
@click.option("--out", default="runs/penalties", show_default=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=10, show_default=True)
@click.option("--budgets", default="45,60,80", show_default=True, help="Percent of the largest network's latency.")
@click.option("--epochs", default=6, show_default=True)
def main(out: Path, seeds: int, budgets: str, epochs: int) -> None:
    torch.set_num_threads(1)
    task, device = load("digits"), load_device("host")
    space = load_space("mobile", task.input_shape, len(task.classes), {"width": "0.5"})
    profile = open_profile(device, "onnxruntime")
    if missing_blocks(space, profile) or missing_networks(space, profile):
        profile_space(space, device, profile, say=print)
    model, _ = latency_model(space, profile, "median_of_minima")
    for percent in map(int, budgets.split(",")):
        limit_ms = model.reachable[1] * percent / 100
        found: dict[str, list[dict[str, Any]]] = {}
        for penalty, strategy in METHODS:
            for seed in range(seeds):
                path = out / f"{penalty}-{percent}-{seed}.json"
                if not path.exists():
                    write_json(path, one(penalty, strategy, seed, epochs, limit_ms, space, task, model,
                                         lambda a: latencies(a, space, device, profile)))
                found.setdefault(penalty, []).append(json.loads(path.read_text(encoding="utf-8")))
        show(percent, limit_ms, together(found, space, device, profile))


def one(penalty: str, strategy: str, seed: int, epochs: int, limit_ms: float, space: Space, task: Task,
        model: CostModel, measure: Callable[[list[Architecture]], list[float]]) -> dict[str, Any]:
    models, budgets = {"latency_ms": model}, [Budget("latency_ms", limit_ms)]
    settings = SearchSettings(epochs=epochs, batch_size=32, penalty=penalty)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        result = search(space, task, load_strategy(strategy), models, budgets, settings=settings, seed=seed,
                        checkpoint=Path(folder) / "checkpoint.pt", fabric=new_fabric("cpu"))
    if penalty == "multiplier":
        picked = settle(result.scores, models, budgets, lambda a: {"latency_ms": measure([a])[0]},
                        Silent()).architecture
    else:
        likeliest = decode(result.scores, [Constraint(model, math.inf)])
        assert likeliest is not None
        picked = likeliest
    return {"architecture": dict(picked), "predicted_ms": model.predict(picked)}


def latencies(architectures: list[Architecture], space: Space, device: Device, profile: Profile) -> list[float]:
    modules = {str(i): (space.build(a).eval(), space.input_shape) for i, a in enumerate(architectures)}
    found = dict(measured(modules, device, profile))
    return [time_of(found[name]) for name in modules]


def together(found: dict[str, list[dict[str, Any]]], space: Space, device: Device,
             profile: Profile) -> dict[str, list[float]]:
    """Milliseconds of every network, measured in one go, each distinct one once."""
    distinct = list(dict.fromkeys(Architecture(row["architecture"]) for rows in found.values() for row in rows))
    known = dict(zip(distinct, latencies(distinct, space, device, profile), strict=True))
    return {name: [known[Architecture(row["architecture"])] for row in rows] for name, rows in found.items()}


def show(percent: int, limit_ms: float, measured_ms: dict[str, list[float]]) -> None:
    print(f"budget {percent}% of the largest network: {limit_ms:.4f} ms")
    print("| method | measured / budget: mean, least, most | over budget |\n| --- | --- | --- |")
    for name, values in measured_ms.items():
        shares = np.array(values) / limit_ms
        print(f"| `{name}` | {shares.mean():.2f}, {shares.min():.2f}, {shares.max():.2f} | "
              f"{int((shares > 1).sum())} of {len(shares)} |", flush=True)


if __name__ == "__main__":
    main()
