"""Does `--try` choose the width whose networks are better in the end?

Runs `edgenas search --try space.width=…` on CIFAR-10 under one latency budget, then trains every random network that it
compared by itself, from other weights and in another order, and prints each width's test accuracies beside what its
networks' trials said. Interrupt at will, the same command goes on.

    python benchmarks/space_width.py --data CIFAR10 --budget 0.16 --widths 1,1.5,2
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import click
from published import guarded
from scipy.stats import spearmanr
from trained_alone import tested

from edgenas.cli.app import run as edgenas
from edgenas.flow.run import Run
from edgenas.flow.work import Work


@click.command()
@click.option("--data", required=True, help="CIFAR-10: a folder of parquet files, train and test.")
@click.option("--out", default="runs/space_width", show_default=True, type=click.Path(path_type=Path))
@click.option("--budget", default="0.16", show_default=True, help="ms")
@click.option("--widths", default="1,1.5,2", show_default=True)
@click.option("--networks", default=5, show_default=True, help="Of each width.")
@click.option("--max-images", default=3000, show_default=True)
@click.option("--train-epochs", default=12, show_default=True)
def main(data: str, out: Path, budget: str, widths: str, networks: int, max_images: int, train_epochs: int) -> None:
    code = edgenas(["search", f"--data={data}", f"--max-images={max_images}", f"--train-epochs={train_epochs}",
                    f"--latency-ms={budget}", "--device=host", "--strategy=random", f"--try=space.width={widths}",
                    f"--set=search.space_networks={networks}", "--set=search.trials=0", "--resume",
                    f"--out={out / 'search'}"])
    if code:
        raise SystemExit(code)
    found = json.loads((out / "search" / "spaces.json").read_text(encoding="utf-8"))
    tried = [row for row in found["spaces"] if row["networks"]]
    tests = [trained(row, out) for row in tried]
    for row, accuracies in zip(tried, tests, strict=True):
        show(row, accuracies)
    first = min(map(int, tried[0]["losses"]), default=0)
    losses = [network["trial_losses"][str(first)] for row in tried for network in row["networks"]]
    macs = [network["macs"] for row in tried for network in row["networks"]]
    every = [test for accuracies in tests for test in accuracies]
    print(f"chosen: {', '.join(found['chosen'])}; the test accuracies of all {len(every)} networks are ranked by their "
          f"training loss after {first} epochs with {spearmanr([-x for x in losses], every)[0]:+.2f}, by "
          f"multiply-accumulates with {spearmanr(macs, every)[0]:+.2f}")


def trained(row: dict[str, Any], out: Path) -> list[float]:
    """Test accuracy of each network of a space, trained from other weights and in another order than in its trial."""
    work = Work(Run.open(Path(row["run"])))
    folder, seed = out / str(row["options"][0]), work.run.config.seed + 1
    return [tested(work, network["architecture"], folder / f"{number}.json", seed)
            for number, network in enumerate(row["networks"])]


def show(row: dict[str, Any], accuracies: list[float]) -> None:
    macs = statistics.fmean(network["macs"] for network in row["networks"]) / 1e6
    losses = ", ".join(f"{loss:.3f} after {epochs}" for epochs, loss in row["losses"].items())
    print(f"{', '.join(row['options'])}: {len(accuracies)} networks, {macs:.2f} MMACs, trial loss {losses} epochs, "
          f"test accuracy {statistics.fmean(accuracies):.1%} ± {statistics.stdev(accuracies):.1%}, "
          f"{min(accuracies):.1%} to {max(accuracies):.1%}")


if __name__ == "__main__":
    guarded(main)
