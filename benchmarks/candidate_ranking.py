"""What ranks the networks of a space of blocks within a budget: the supernet, or measures of the untrained networks.

Searches `mobile` on CIFAR-10, draws random networks that hold the budget as predicted, trains each by itself, and
prints how well (Spearman) each figure that can be had before ranks their test accuracies. Interrupt at will, the
same command goes on. benchmarks/nasbench201_search.py has the same question for cells.

    python benchmarks/candidate_ranking.py --data CIFAR10 --networks 13
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from published import guarded
from scipy.stats import spearmanr
from trained_alone import tested

from edgenas.cli.app import run as edgenas
from edgenas.files import write_json
from edgenas.flow.run import Run
from edgenas.flow.space_trials import drawn
from edgenas.flow.work import Work
from edgenas.selection.learning_speed import trial_loss
from edgenas.selection.ranking import ranked
from edgenas.selection.scores import Untrained, asking
from edgenas.selection.zero_cost import MEASURES
from edgenas.space import Architecture
from edgenas.train.weights import load_weights

FIGURES = (*MEASURES, "macs", "validation")
TRIAL = "trial: training loss"
TOGETHER = {"zero-cost measures and MACs": (*MEASURES, "macs"), "these and validation": FIGURES}


@click.command()
@click.option("--data", required=True, help="CIFAR-10: a folder of parquet files, train and test.")
@click.option("--out", default="runs/candidate_ranking", show_default=True, type=click.Path(path_type=Path))
@click.option("--budget", default="30%", show_default=True)
@click.option("--networks", default=13, show_default=True)
@click.option("--max-images", default=3000, show_default=True)
@click.option("--search-epochs", default=6, show_default=True)
@click.option("--train-epochs", default=12, show_default=True)
def main(data: str, out: Path, budget: str, networks: int, max_images: int, search_epochs: int,
         train_epochs: int) -> None:
    code = edgenas(["search", f"--data={data}", f"--max-images={max_images}", f"--search-epochs={search_epochs}",
                    f"--train-epochs={train_epochs}", f"--latency-ms={budget}", "--device=host", "--from-scratch",
                    "--resume", f"--out={out}"])
    if code:
        raise SystemExit(code)
    work = Work(Run.open(out))
    rows = figures_of(work, networks_of(work, networks))
    tests = [tested(work, row["architecture"], work.run.folder / "ranking" / f"{number}.json", seed=0)
             for number, row in enumerate(rows)]
    print(f"{len(rows)} random networks within {budget}: {min(tests):.1%} to {max(tests):.1%} test accuracy")
    for name in FIGURES:
        print(f"{name:28} ranks them with {spearmanr([row[name] for row in rows], tests)[0]:+.2f}")
    print(f"{TRIAL:28} ranks them with {spearmanr([-row[TRIAL] for row in rows], tests)[0]:+.2f}")
    for words, names in TOGETHER.items():
        order = ranked({Architecture(row["architecture"]): {name: row[name] for name in names} for row in rows})
        places = [-order.index(Architecture(row["architecture"])) for row in rows]
        print(f"{words:28} rank them with {spearmanr(places, tests)[0]:+.2f}")


def networks_of(work: Work, networks: int) -> list[Architecture]:
    """Random networks that are predicted to hold the budget; the same ones when asked again."""
    path = work.run.folder / "ranking" / "networks.json"
    if not path.exists():
        write_json(path, [dict(a) for a in drawn(work, networks, torch.Generator().manual_seed(3))])
    return [Architecture(row) for row in json.loads(path.read_text(encoding="utf-8"))[:networks]]


def figures_of(work: Work, networks: list[Architecture]) -> list[dict[str, Any]]:
    """What is known of networks before their training."""
    supernet, untrained = work.space.supernet(), Untrained(work.space, work.task, work.fabric, work.run.config.seed)
    load_weights(work.run.weights("supernet"), supernet, "this command again")
    with asking(supernet, work.task, work.strategy, work.fabric) as validation:
        return [{"architecture": dict(a), **untrained.figures(a), "validation": validation(a), TRIAL: trial(work, a)}
                for a in networks]


def trial(work: Work, architecture: Architecture) -> float:
    """After a sixth of the epochs, from other weights and in another order than the whole training's."""
    config = work.run.config
    epochs = config.search.first_trial(config.train.epochs)
    return trial_loss(partial(work.space.build, architecture), work.task, config.train, epochs, config.seed + 1,
                      work.fabric, work.run.folder / "ranking" / "trials" / f"{architecture.digest}.pt")


if __name__ == "__main__":
    guarded(main)
