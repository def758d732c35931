"""Does a search learn anything that a search by another seed learns too, and are its networks better than random ones?

Runs `edgenas search` on CIFAR-10 for several seeds and prints how far what they learned correlates. Then networks that
are sampled from each search's scores within the budget begin their training, and as many that are sampled evenly: their
mean training losses say whether what was learned is worth anything (a trial's loss ranks networks with a Spearman of
0.8: candidate_ranking.py). Interrupt at will, the same command goes on.

    python benchmarks/learned_scores.py --data CIFAR10 --strategy snas --budget 30% --search-epochs 6
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import fmean
from typing import Any

import click
from published import guarded

from edgenas.cli.app import run as edgenas
from edgenas.files import read_json, write_json
from edgenas.flow.records import Search
from edgenas.flow.run import Run
from edgenas.flow.selection import trials_of
from edgenas.flow.space_trials import drawn
from edgenas.flow.work import Work
from edgenas.progress import Silent
from edgenas.search.decode import Scores, even
from edgenas.selection.correlation import score_correlation
from edgenas.train.checkpoint import epoch_generator


@click.command()
@click.option("--data", required=True, help="CIFAR-10: a folder of parquet files, train and test.")
@click.option("--out", default="runs/learned_scores", show_default=True, type=click.Path(path_type=Path))
@click.option("--strategy", default="snas", show_default=True)
@click.option("--set", "assignments", multiple=True, help="As of edgenas search.")
@click.option("--budget", default="30%", show_default=True, help="A latency in ms, or a share of the largest's.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--max-images", default=3000, show_default=True)
@click.option("--search-epochs", default=6, show_default=True)
@click.option("--networks", default=6, show_default=True, help="Of each search that begin their training.")
@click.option("--epochs", default=4, show_default=True, help="Of these trainings, of 12.")
def main(out: Path, seeds: int, networks: int, epochs: int, **asked: Any) -> None:
    runs = [searched(out, seed, **asked) for seed in range(seeds)]
    for run in runs:
        show(run, networks, epochs)
    correlation = score_correlation([learned_by(run).scores for run in runs])
    print("no correlation" if correlation is None else f"correlation of the scores between seeds: {correlation:.2f}")


def searched(out: Path, seed: int, data: str, strategy: str, assignments: tuple[str, ...], budget: str,
             max_images: int, search_epochs: int) -> Run:
    schedule = f"{search_epochs}x{max_images}"
    folder = out / "-".join((strategy, *assignments, budget.removesuffix("%"), schedule, str(seed)))
    code = edgenas(["search", f"--data={data}", f"--strategy={strategy}", f"--latency-ms={budget}", f"--seed={seed}",
                    f"--search-epochs={search_epochs}", f"--max-images={max_images}", "--train-epochs=12",
                    "--device=host", "--set=search.trials=0", *(f"--set={text}" for text in assignments),
                    "--resume", f"--out={folder}"])
    if code:
        raise SystemExit(code)
    return Run.open(folder)


def learned_by(run: Run) -> Search:
    found = Search.read(run.folder)
    assert found is not None
    return found


def show(run: Run, networks: int, epochs: int) -> None:
    found = learned_by(run)
    learned: Scores = found.scores
    losses = {name: fmean(trial_losses(run, name, scores, networks, epochs))
              for name, scores in (("learned", learned), ("even", even(learned)))}
    seconds = sum(row.seconds for row in found.history)
    print(f"{run.folder.name}: searched for {seconds:.0f} s; mean training loss after {epochs} epochs of {networks} "
          f"networks by what was learned {losses['learned']:.4f}, drawn evenly {losses['even']:.4f}", flush=True)


def trial_losses(run: Run, name: str, scores: Scores, networks: int, epochs: int) -> list[float]:
    """Of networks sampled within the budgets."""
    path = run.folder / f"losses-{name}-{networks}x{epochs}.json"
    known: list[float] | None = read_json(path)
    if known is not None:
        return known
    generator = epoch_generator(run.config.seed, 0, "learned scores")
    work = Work(run)
    found = drawn(work, networks, generator, scores)
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        losses = [trials_of(work, Path(folder), Silent()).loss(work.space, a, epochs) for a in found]
    write_json(path, losses)
    return losses


if __name__ == "__main__":
    guarded(main)
