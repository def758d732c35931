"""Found network, trials without a search, evolution, random search and a hand-made network on CIFAR-10, two budgets.

All networks are trained from scratch by the same schedule, at the same measured budget
of this machine. Without a search, random networks that hold the budget have trials: as many as of those found, or with
--trials-alone more, for the time that the search took. Evolution asks the supernet that the search trained, so that it
has its time for nothing, and takes its best without trials. Prints a row per network and a summary; interrupt at will,
the same command goes on.

    python benchmarks/cifar10.py --data DIR_WITH_PARQUET_FILES --out runs/cifar10 --seeds 3
"""

from __future__ import annotations

import json
import shutil
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edgenas.cli.app import run as edgenas
from edgenas.errors import BudgetError
from edgenas.files import write_json
from edgenas.flow.config import RunConfig

EVOLUTION = {"search.scoring": "evolution", "search.candidates": "64", "search.trials": "0"}
ALONE = "random networks, trials alone"
SHOWN = ("found", ALONE, "evolution on the same supernet", "random search, best by validation", "mobilenet_v2_like")


@click.command()
@click.option("--data", required=True, help="A folder of parquet files, train and test.")
@click.option("--out", default="runs/cifar10", show_default=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True)
@click.option("--strategy", default="proxyless", show_default=True)
@click.option("--budgets", default="30%,60%", show_default=True, help="Latencies in ms, or shares of the largest's.")
@click.option("--set", "assignments", multiple=True, help="As of edgenas run, e.g. space.width=2.")
@click.option("--trials-alone", default=8, show_default=True, help="Random networks that have trials.")
@click.option("--max-images", default=8000, show_default=True, help="Images to train and validate on.")
@click.option("--search-epochs", default=12, show_default=True)
@click.option("--train-epochs", default=16, show_default=True)
def main(out: Path, seeds: int, budgets: str, assignments: tuple[str, ...], trials_alone: int,
         **schedule: Any) -> None:
    rows, options = [], [f"--{name.replace('_', '-')}={value}" for name, value in schedule.items()]
    options += [f"--set={text}" for text in assignments]
    for seed in range(seeds):
        for budget in budgets.split(","):
            folder = "-".join((schedule["strategy"], *assignments, budget.removesuffix("%"), str(seed)))
            rows += one_run(out / folder, budget, seed, options, trials_alone)
    summarise(rows, budgets.split(","))


def one_run(folder: Path, budget: str, seed: int, asked: list[str], trials_alone: int) -> list[dict[str, Any]]:
    """Run the whole flow with baselines; one row per network."""
    options = [*asked, f"--latency-ms={budget}", f"--seed={seed}", "--from-scratch", "--device=host", "--resume"]
    specialised(folder, [*options, "--baselines"])
    evolution = folder.with_name(f"{folder.name}-evolution")
    same_supernet(folder, evolution)
    specialised(evolution, [*options, *(f"--set={name}={value}" for name, value in EVOLUTION.items())])
    alone = folder.with_name(f"{folder.name}-{trials_alone}-trials")
    specialised(alone, [*options, "--strategy=halving", f"--set=search.trials={trials_alone}"])
    baselines = json.loads((folder / "baselines.json").read_text())
    rows = [found_by("found", folder), found_by(ALONE, alone), found_by("evolution on the same supernet", evolution)]
    rows += [{"network": name, "latency_ms": row["measured"]["latency_ms"], "limit_ms": rows[0]["limit_ms"],
              **row["accuracy"]} for name, row in baselines.items() if "accuracy" in row]
    rows = [{"budget": budget, "seed": seed, **row} for row in rows]
    tried = [row for row in rows if row["network"].startswith("random_")]
    if tried:
        rows.append(max(tried, key=lambda row: row["validation"]) | {"network": "random search, best by validation"})
    for row in rows:
        print("{budget:>4} seed {seed} {network:34} {latency_ms:.4f} of {limit_ms:.4f} ms  "
              "validation {validation:.2%}  test {test:.2%}".format(**row), flush=True)
    return rows


def specialised(folder: Path, options: list[str]) -> None:
    """A file that misses is measured once more: the row says what came out then."""
    code = edgenas(["run", *options, f"--out={folder}"])
    if code == BudgetError.exit_code and (folder / "verify.json").exists():
        edgenas(["verify", str(folder)])
    elif code:
        raise SystemExit(code)


def same_supernet(searched: Path, folder: Path) -> None:
    """A run as the one in `searched`, its supernet trained already, that has yet to look for a network by evolution."""
    if (folder / "run.json").exists():
        return
    shutil.copytree(searched / "search", folder / "search", dirs_exist_ok=True)
    known = RunConfig.read(searched / "run.json")
    asked = replace(known.search, scoring="evolution", candidates=int(EVOLUTION["search.candidates"]),
                    trials=int(EVOLUTION["search.trials"]))
    write_json(folder / "run.json", known.model_copy(update={"search": asked}).model_dump(mode="json"))


def found_by(network: str, folder: Path) -> dict[str, Any]:
    verdict, trained = (json.loads((folder / f"{name}.json").read_text()) for name in ("verify", "train"))
    (latency,) = verdict["budgets"]
    return {"network": network, "latency_ms": latency["measured"], "limit_ms": latency["limit"], **trained["accuracy"]}


def summarise(rows: list[dict[str, Any]], budgets: list[str]) -> None:
    for budget in budgets:
        for network in SHOWN:
            tests = [row["test"] for row in rows if row["budget"] == budget and row["network"] == network]
            spread = statistics.stdev(tests) if len(tests) > 1 else 0.0
            print(f"{budget:>4} {network:34} test {statistics.mean(tests):.2%} ± {spread:.2%} over {len(tests)} seeds")


if __name__ == "__main__":
    main()
