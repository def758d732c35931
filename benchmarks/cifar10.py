"""Found network, random search and a hand-made MobileNetV2-like network on CIFAR-10 at two budgets.

One budget is twice the other. All networks are trained from scratch by the same schedule, at the same measured budget
of this machine. Prints a row per network and a summary; interrupt at will, the same command goes on.

    python benchmarks/cifar10.py --data DIR_WITH_PARQUET_FILES --out runs/cifar10 --seeds 3
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import click

from edgenas.cli.app import run as edgenas

BUDGETS = ("30%", "60%")


@click.command()
@click.option("--data", required=True, help="A folder of parquet files, train and test.")
@click.option("--out", default="runs/cifar10", show_default=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--strategy", default="proxyless", show_default=True)
@click.option("--max-images", default=8000, show_default=True, help="Images to train and validate on.")
@click.option("--search-epochs", default=12, show_default=True)
@click.option("--train-epochs", default=16, show_default=True)
def main(out: Path, seeds: int, **schedule: Any) -> None:
    rows = []
    for seed in range(seeds):
        for budget in BUDGETS:
            rows += one_run(out / f"{schedule['strategy']}-{budget.rstrip('%')}-{seed}", budget, seed, schedule)
    summarise(rows)


def one_run(folder: Path, budget: str, seed: int, schedule: dict[str, Any]) -> list[dict[str, Any]]:
    """Run the whole flow with baselines; one row per network."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in schedule.items()]
    code = edgenas(["run", *options, f"--latency-ms={budget}", f"--seed={seed}", f"--out={folder}", "--from-scratch",
                    "--baselines", "--device=host", "--resume"])
    if code:
        raise SystemExit(code)
    verdict, trained, baselines = (json.loads((folder / f"{name}.json").read_text())
                                   for name in ("verify", "train", "baselines"))
    (latency,) = verdict["budgets"]
    rows = [{"network": "found", "latency_ms": latency["measured"], **trained["accuracy"]}]
    rows += [{"network": name, "latency_ms": row["measured"]["latency_ms"], **row["accuracy"]}
             for name, row in baselines.items() if "accuracy" in row]
    rows = [{"budget": budget, "limit_ms": latency["limit"], "seed": seed, **row} for row in rows]
    tried = [row for row in rows if row["network"].startswith("random_")]
    if tried:
        rows.append(max(tried, key=lambda row: row["validation"]) | {"network": "random search, best by validation"})
    for row in rows:
        print("{budget:>4} seed {seed} {network:34} {latency_ms:.4f} of {limit_ms:.4f} ms  "
              "validation {validation:.2%}  test {test:.2%}".format(**row), flush=True)
    return rows


def summarise(rows: list[dict[str, Any]]) -> None:
    for budget in BUDGETS:
        for network in ("found", "random search, best by validation", "mobilenet_v2_like"):
            tests = [row["test"] for row in rows if row["budget"] == budget and row["network"] == network]
            spread = statistics.stdev(tests) if len(tests) > 1 else 0.0
            print(f"{budget:>4} {network:34} test {statistics.mean(tests):.2%} ± {spread:.2%} over {len(tests)} seeds")


if __name__ == "__main__":
    main()
