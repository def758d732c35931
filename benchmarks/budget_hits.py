"""How often the measured budget is missed, and how much of it is used: seeds x budgets on the `digits` data.

Each run is the whole flow on this machine with a narrow space and a short schedule; the figures are those of the final
trained and exported artifact, measured by `edgenas verify`. Interrupt at will, the same command goes on.

    python benchmarks/budget_hits.py --out runs/budget_hits
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import click

from edgenas.cli.app import run as edgenas

SCHEDULE = ["--data=digits", "--set=space.width=0.5", "--search-epochs=3", "--train-epochs=1",
            "--set=search.candidates=4", "--resume"]


@click.command()
@click.option("--out", default="runs/budget_hits", show_default=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=10, show_default=True)
@click.option("--budgets", default="40%,60%,80%", show_default=True, help="Shares of the largest network's latency.")
@click.option("--strategy", default="proxyless", show_default=True)
@click.option("--device", default="host", show_default=True)
def main(out: Path, seeds: int, budgets: str, strategy: str, device: str) -> None:
    shares: list[float] = []
    missed = refused = 0
    for budget in budgets.split(","):
        for seed in range(seeds):
            folder = out / f"{strategy}-{budget.rstrip('%')}-{seed}"
            code = edgenas(["run", *SCHEDULE, f"--latency-ms={budget}", f"--seed={seed}", f"--strategy={strategy}",
                            f"--device={device}", f"--out={folder}"])
            verdict = json.loads((folder / "verify.json").read_text()) if (folder / "verify.json").exists() else None
            if verdict is None:
                refused += 1
                print(f"{budget:>4} seed {seed}: no network was promised (exit {code})", flush=True)
                continue
            (row,) = verdict["budgets"]
            shares.append(row["measured"] / row["limit"])
            missed += not row["within"]
            print(f"{budget:>4} seed {seed}: measured {row['measured']:.4f} of {row['limit']:.4f} ms, predicted "
                  f"{row['predicted']:.4f}, {shares[-1]:.1%} used{'' if row['within'] else '  MISSED'}", flush=True)
    print(f"{len(shares)} networks: {missed} over budget, {refused} refused; share used: mean "
          f"{statistics.mean(shares):.1%}, median {statistics.median(shares):.1%}, least {min(shares):.1%}")


if __name__ == "__main__":
    main()
