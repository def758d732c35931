"""Published latencies of whole networks (NAS-Bench-201 on real devices): how well are the unseen ones predicted?

Three questions, each answered as a mean over draws, and each beside simpler models in the same run: a fit on --train
random networks; a new device from --probes networks and the profile of another, of which --source-train random networks
were seen; and picking the most accurate network under a budget by predictions alone. The networks whose output does
not depend on the input are left out.

    python benchmarks/published_networks.py --accuracy accuracy.csv --latency latency_ms.csv --devices raspi4,pixel3
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from nasbench201_cell import Cell
from networks_predicted import Floats, Networks, kernel, models, pick, transferred
from published import console, guarded, mean, numbers, percent, table
from rich.table import Table

from edgenas.cli.terminal import Terminal
from edgenas.errors import DataError, UsageError
from edgenas.progress import Progress

BUDGETS = (25, 50, 75)
FIGURES = ("spearman", "kendall", "within_5", "within_10", "mape", "coverage")


@click.command()
@click.option("--accuracy", "accuracy_file", required=True, type=click.Path(path_type=Path))
@click.option("--latency", "latency_file", required=True, type=click.Path(path_type=Path))
@click.option("--devices", required=True, help="Columns of the latency file, in ms, separated by commas.")
@click.option("--dataset", default="cifar100", show_default=True, help="Column of the accuracy file, in percent.")
@click.option("--train", default=50, show_default=True, type=click.IntRange(min=9))
@click.option("--draws", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--probes", default=10, show_default=True, type=click.IntRange(min=4), help="Of a new device.")
@click.option("--source-train", default=900, show_default=True, type=click.IntRange(min=9))
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(accuracy_file: Path, latency_file: Path, devices: str, dataset: str, as_json: bool, **options: int) -> None:
    names = devices.split(",")
    cells, latency, accuracy_points = read(accuracy_file, latency_file, names, dataset)
    alive = np.array([not cell.dead for cell in cells])
    networks = Networks.of([cell for cell in cells if not cell.dead])
    latency = {name: values[alive] for name, values in latency.items()}
    pairs = list(itertools.permutations(names, 2))
    if max(options["train"], options["probes"], options["source_train"] if pairs else 0) >= alive.sum():
        raise UsageError(f"{alive.sum()} networks are too few for these options", "lower --train or --source-train")
    with Terminal() as progress:
        progress.start("draws", options["draws"] * (len(names) + len(pairs)) + len(names) * bool(pairs))
        unseen = [row for name in names for row in predict(name, networks, latency[name], accuracy_points[alive],
                                                           options, progress)]
        transfer = adapted(pairs, networks, latency, options, progress)
    result = {"options": {"devices": names, "dataset": dataset, **options}, "networks": int(alive.sum()),
              "dead_left_out": int((~alive).sum()), "predicted": [r for r in unseen if "model" in r],
              "picked": [r for r in unseen if "picked_by" in r], "transfer": transfer}
    print(json.dumps(result, indent=1)) if as_json else show(result)


def read(accuracy_file: Path, latency_file: Path, devices: list[str],
         dataset: str) -> tuple[list[Cell], dict[str, Floats], Floats]:
    """Cells, latencies in ms by device, and accuracies in percent, joined by architecture in the latency file's order.

    Raises: UsageError for files that cannot be used.
    """
    measured = table(latency_file, ["arch", *devices])
    known = table(accuracy_file, ["arch", dataset])
    points = dict(zip(known["arch"], numbers(accuracy_file, dataset, known[dataset]), strict=True))
    absent = [arch for arch in measured["arch"] if arch not in points]
    if absent:
        raise DataError(f"{len(absent)} architectures of {latency_file} are not in {accuracy_file}, first {absent[0]}",
                        "give the accuracies of the same architectures")
    return ([Cell.parse(arch) for arch in measured["arch"]],
            {name: numbers(latency_file, name, measured[name]) for name in devices},
            np.array([points[arch] for arch in measured["arch"]]))


def predict(device: str, networks: Networks, measured_ms: Floats, accuracy_points: Floats, options: dict[str, int],
            progress: Progress) -> list[dict[str, Any]]:
    """Rows of the models' errors on networks they have not seen, and of what was picked among those."""
    found, picks = defaultdict(list), defaultdict(list)
    for draw in range(options["draws"]):
        seed = options["seed"] + draw
        order = np.random.default_rng(seed).permutation(len(measured_ms))
        seen, tested = order[:options["train"]], order[options["train"]:]
        by_model = models(networks, measured_ms, seen, seed)
        for name, predicted in by_model.items():
            found[name].append(predicted.accuracy(measured_ms, tested))
        ours = by_model["kernel regression"]
        for percentile, believed in itertools.product(BUDGETS, ("latency_ms", "high_ms")):
            budget_ms = float(np.percentile(measured_ms, percentile))
            one = pick(getattr(ours, believed)[tested], measured_ms[tested], accuracy_points[tested], budget_ms)
            picks[percentile, budget_ms, believed].append(one)
        progress.advance(device)
    rows: list[dict[str, Any]] = [{"device": device, "model": name, **mean(results)} for name, results in found.items()]
    for (percentile, budget_ms, believed), made in picks.items():
        kept = [one for one in made if one is not None]
        missed = [one.over for one in kept if one.over > 0]
        rows.append({
            "device": device, "budget_percentile": percentile, "budget_ms": budget_ms,
            "picked_by": {"latency_ms": "prediction", "high_ms": "interval's upper end"}[believed],
            "nothing_found": len(made) - len(kept), "missed": len(missed), "draws": len(made),
            "worst_over": max(missed, default=0.0), "regret_points": float(np.mean([one.regret for one in kept or []]))
            if kept else None})
    return rows


def adapted(pairs: list[tuple[str, str]], networks: Networks, latency: dict[str, Floats], options: dict[str, int],
            progress: Progress) -> list[dict[str, Any]]:
    """Rows of source, target and method; the last ones, of no source and target, are means over all pairs."""
    sources = {}
    for name in dict.fromkeys(source for source, _ in pairs):
        order = np.random.default_rng(options["seed"]).permutation(len(latency[name]))
        sources[name] = kernel(networks, latency[name], order[:options["source_train"]], options["seed"]).latency_ms
        progress.advance(f"profile of {name}")
    rows: list[dict[str, Any]] = []
    for source, target in pairs:
        draws = []
        for draw in range(options["draws"]):
            draws.append(transferred(networks, sources[source], latency[target], options["probes"],
                                     options["seed"] + draw))
            progress.advance(f"{source} to {target}")
        rows += [{"source": source, "target": target, "method": method, **mean([d[method] for d in draws])}
                 for method in draws[0]]
    for method in dict.fromkeys(row["method"] for row in rows):
        ours = [row for row in rows if row["method"] == method]
        rows.append({"source": None, "target": None, "method": method,
                     **{f: float(np.mean([row[f] for row in ours])) for f in FIGURES if f != "coverage"}})
    return rows


def show(result: dict[str, Any]) -> None:
    out = console()
    sections = {"predicted": ("device", "model"), "transfer": ("source", "target", "method")}
    for section, keys in sections.items():
        shown = Table(*keys, "Spearman", "Kendall", "±5%", "±10%", "MAPE", "coverage", title=section)
        for row in result[section]:
            shown.add_row(*(row[key] or "mean" for key in keys), f"{row['spearman']:.3f}", f"{row['kendall']:.3f}",
                          *(percent(row.get(figure)) for figure in FIGURES[2:]))
        out.print(shown)
    shown = Table("device", "budget", "by", "missed", "worst by", "regret, points", title="picked under a budget")
    for row in result["picked"]:
        regret = "nothing found" if row["regret_points"] is None else f"{row['regret_points']:.2f}"
        shown.add_row(row["device"], f"{row['budget_ms']:.2f} ms", row["picked_by"],
                      f"{row['missed']} of {row['draws']}", percent(row["worst_over"]), regret)
    out.print(shown)


if __name__ == "__main__":
    guarded(main)
