"""Published latencies of single operators (AutoTVM's TopHub): the error on operators left out of the fit.

Five folds for each device, that is for each file and model; a layer in several implementations or types is in one
fold, so that none is predicted from itself. Beside the kernel regression: one that knows the MACs alone.

    python benchmarks/published_operators.py --data conv_ops.csv
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from operator_features import Workload, features
from published import console, guarded, numbers, percent, table
from rich.table import Table

from edgenas.cli.terminal import Terminal
from edgenas.cost.accuracy import Accuracy, accuracy
from edgenas.cost.additive import Additive
from edgenas.cost.conformal import conformal
from edgenas.cost.kernels.regression import Regression
from edgenas.errors import DataError
from edgenas.progress import Progress

Floats = NDArray[np.float64]

COLUMNS = ("file", "model", "task", "args_json", "cost_ms")
FOLDS = 5
FEWEST = 50


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path), help=f"CSV file: {', '.join(COLUMNS)}.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(data: Path, seed: int, as_json: bool) -> None:
    devices = read(data)
    with Terminal() as progress:
        progress.start("folds", FOLDS * len(devices))
        rows = [row for name, (workloads, measured_ms) in devices.items()
                for row in left_out(name, workloads, measured_ms, seed, progress)]
    print(json.dumps({"options": {"seed": seed, "folds": FOLDS}, "devices": rows}, indent=1)) if as_json else show(rows)


def read(path: Path) -> dict[str, tuple[list[Workload], Floats]]:
    """Workloads and their latencies in ms, by file and model.

    Raises: UsageError for a file that cannot be used.
    """
    columns = table(path, COLUMNS)
    costs = numbers(path, "cost_ms", columns["cost_ms"])
    found: dict[str, tuple[list[Workload], list[float]]] = defaultdict(lambda: ([], []))
    for i, cost_ms in enumerate(costs):
        workloads, measured_ms = found[f"{columns['file'][i]} {columns['model'][i]}"]
        workloads.append(Workload.parse(columns["task"][i], columns["args_json"][i]))
        measured_ms.append(cost_ms)
    for name, (workloads, _) in found.items():
        if len(workloads) < FEWEST:
            raise DataError(f"{name} of {path} has {len(workloads)} operators; it takes at least {FEWEST}",
                            "leave it out of the file")
    return {name: (workloads, np.array(measured_ms)) for name, (workloads, measured_ms) in found.items()}


def folds(workloads: list[Workload], seed: int) -> NDArray[np.int64]:
    """(n,) which fold each belongs to; equal layers share one."""
    layers = {layer: i for i, layer in enumerate(dict.fromkeys(w.layer for w in workloads))}
    of_layer = np.random.default_rng(seed).permutation(len(layers)) % FOLDS
    return np.array([of_layer[layers[w.layer]] for w in workloads], dtype=np.int64)


def left_out(name: str, workloads: list[Workload], measured_ms: Floats, seed: int,
             progress: Progress) -> list[dict[str, Any]]:
    """A row for each model: its error on the operators of every fold, fitted on the other folds."""
    rows, fold = features(workloads), folds(workloads, seed)
    kernel, by_macs, low, high = (np.empty(len(measured_ms)) for _ in range(4))
    for f in range(FOLDS):
        seen, tested = fold != f, fold == f
        model = Regression.fit(rows[seen], measured_ms[seen], seed=seed)
        kernel[tested] = model.predict(rows[tested])
        interval = conformal(model.held_out_ms, measured_ms[seen])
        low[tested], high[tested] = kernel[tested] / (1 + interval.below), kernel[tested] * (1 + interval.above)
        by_macs[tested] = Additive.fit(rows[seen, :1], measured_ms[seen]).predict(rows[tested, :1])
        progress.advance(name)
    found: dict[str, Accuracy] = {"kernel regression": accuracy(kernel, measured_ms, low, high),
                                  "MACs and overhead": accuracy(by_macs, measured_ms)}
    return [{"device": name, "model": model, "layers": len({w.layer for w in workloads}), **asdict(result)}
            for model, result in found.items()]


def show(rows: list[dict[str, Any]]) -> None:
    shown = Table("device", "operators", "model", "MAPE", "median", "Spearman", "±10%", "±20%", "coverage")
    for row in rows:
        shown.add_row(row["device"], str(row["count"]), row["model"], percent(row["mape"]), percent(row["median_ape"]),
                      f"{row['spearman']:.3f}", *(percent(row[key]) for key in ("within_10", "within_20", "coverage")))
    console().print(shown)


if __name__ == "__main__":
    guarded(main)
