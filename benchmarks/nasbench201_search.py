"""Every strategy on NAS-Bench-201: looked-up test accuracy of what it finds, with and without a latency budget.

Each search trains a shrunken supernet (one cell a stage, few channels, small images) on CIFAR-10 in a process of its
own and leaves a file in --out: interrupt at will, the same command goes on. Networks are then decoded without a budget
and under budgets at the 25th, 50th and 75th percentile of each device's published latencies. The cost model has seen 50
random networks; a decoded network's latency is looked up as `edgenas` would measure it, and decoding goes back when it
misses. Accuracies are those of the published full trainings: no search sees them.

    python benchmarks/nasbench201_search.py --data CIFAR10 --accuracy accuracy.csv --latency latency_ms.csv
    python benchmarks/nasbench201_search.py … --quick      # two strategies, one seed, 2 epochs: minutes
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from nasbench201_known import Known
from nasbench201_picks import budgets_of, rows_of
from published import guarded

from edgenas.cli.terminal import Terminal
from edgenas.files import write_json
from edgenas.search.strategy import strategy_names

CASE = Path(__file__).with_name("nasbench201_case.py")
DEVICES = ("pixel2", "raspi4", "gold_6226")
QUICK = {"strategies": "snas,random", "seeds": 1, "epochs": 2, "max_images": 2000}


@click.command()
@click.option("--data", required=True, help="CIFAR-10: a folder of parquet files, train and test.")
@click.option("--accuracy", "accuracy_file", required=True, type=click.Path(path_type=Path))
@click.option("--latency", "latency_file", required=True, type=click.Path(path_type=Path))
@click.option("--out", default="runs/nasbench201", show_default=True, type=click.Path(path_type=Path))
@click.option("--strategies", default=None, help="Separated by commas; all by default.")
@click.option("--under", default="", help="Strategies that are also searched under each budget, separated by commas.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--epochs", default=12, show_default=True)
@click.option("--max-images", default=8000, show_default=True)
@click.option("--trials", is_flag=True, help="A row with trials of the best-ranked, too: minutes for each budget.")
@click.option("--quick", is_flag=True, help="A form that takes minutes.")
@click.option("--json", "as_json", is_flag=True)
def main(data: str, accuracy_file: Path, latency_file: Path, out: Path, strategies: str | None, under: str, seeds: int,
         epochs: int, max_images: int, trials: bool, quick: bool,
         as_json: bool) -> None:
    chosen = {"strategies": strategies or ",".join(strategy_names()), "seeds": seeds, "epochs": epochs,
              "max_images": max_images} | (QUICK if quick else {})
    known = Known.read(accuracy_file, latency_file, DEVICES)
    budgets = budgets_of(known)
    cases = [(name, seed, None) for seed in range(chosen["seeds"]) for name in chosen["strategies"].split(",")]
    cases += [(name, seed, limit) for name in filter(None, under.split(",")) for seed in range(chosen["seeds"])
              for limit in budgets]
    fixed = {"data": data, "accuracy": accuracy_file, "latency": latency_file, "epochs": chosen["epochs"],
             "max-images": chosen["max_images"], "budgets": json.dumps(budgets)}
    with Terminal() as progress:
        progress.start("search", len(cases))
        found = []
        for case in cases:
            found.append(searched(out, *case, fixed, trials))
            progress.advance(f"{case[0]} seed {case[1]}")
    rows = rows_of(found, known, budgets)
    write_json(out / "table.json", {"options": {**chosen, "devices": DEVICES}, "rows": rows})
    print(json.dumps(rows, indent=1)) if as_json else show(rows)


def searched(out: Path, strategy: str, seed: int, limit: Any, fixed: dict[str, Any],
             trials: bool) -> dict[str, Any]:
    """What nasbench201_case.py wrote, of this call or an earlier one."""
    name, *option = strategy.split("/")  # e.g. darts/order=2
    bound = "" if limit is None else f"-{limit[0]}-{limit[1]}"
    schedule = f"{fixed['epochs']}x{fixed['max-images']}" + "-trials" * trials
    path = out / f"{strategy.replace('/', '-')}-{seed}{bound}-{schedule}.json"
    if not path.exists():
        arguments = [f"--{key}={value}" for key, value in fixed.items()]
        arguments += ["--trials"] * trials
        arguments += [f"--under={json.dumps(limit)}"] if limit else []
        arguments += [f"--options={json.dumps(dict(text.split('=') for text in option))}"]
        done = subprocess.run([sys.executable, str(CASE), name, f"--out={path}", f"--seed={seed}", *arguments],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{strategy}, seed {seed}: {done.stderr.strip()[-2000:]}")
    return json.loads(path.read_text(encoding="utf-8")) | {"strategy": strategy}


def show(rows: list[dict[str, Any]]) -> None:
    """As the table of docs/benchmarks.md."""
    print("| strategy | picked by | CIFAR-10, CIFAR-100, ImageNet16-120 without a budget | regret without "
          "| regret under budgets: mean, worst | over budget | ranking's Spearman | measured | minutes | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in sorted(rows, key=lambda row: row["regret_budgets"]["cifar10"]):
        free = ", ".join(f"{np.mean(row['free'][name]):.2f}" for name in row["free"])
        regret_free = f"{row['regret_free']['cifar10']:.2f}" if row["free"] else ""
        worst = max(cell["regret"]["cifar10"] for cell in row["cells"])
        agreement = "" if row["agreement"] is None else f"{row['agreement']:.2f}"
        measured = np.mean([cell["measured_networks"] for cell in row["cells"]])
        print(f"| `{row['strategy']}` | {row['picked_by']} | {free} | {regret_free} | "
              f"{row['regret_budgets']['cifar10']:.2f}, {worst:.2f} | {row['over']} of {len(row['cells'])} | "
              f"{agreement} | {measured:.1f} | {row['minutes']:.1f} | {row['peak_mib']:.0f} |")


if __name__ == "__main__":
    guarded(main)
