"""The same run by several seeds: what one figure hides, their spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from edgenas.errors import BudgetError
from edgenas.flow.inheritance import strategy_of
from edgenas.flow.records import Decoding, Search, Verdict
from edgenas.flow.records.result import BestSeed, SeedCost, SeedRow, Seeds, Spread
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run, check_holds_only
from edgenas.flow.specialise import result, within_budget
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.search.decode import Scores
from edgenas.selection.correlation import score_correlation

Phase = Callable[[Work], object]


def run_seeds(folder: Path, request: RunRequest, count: int, phase: Phase, progress: Progress, *,
              command: Sequence[str] = (), resume: bool = False) -> Seeds:
    """Do `phase` for `count` runs, of the request's seed and those after it, in `folder`/seed0, seed1, …, one after the
    other; returns what `ensemble.json` keeps.

    A seed that finds no network within the budgets is a row as well. With `resume`, seeds that are done are not done
    again.

    Raises: RunError when the folder holds something else; whatever else stops a run, stops them all.
    """
    check_folder(folder)
    rows, searches = [], []
    for number, seed in enumerate(range(request.seed, request.seed + count), start=1):
        progress.say(f"seed {seed} ({number} of {count})")
        work = Work.begin(folder / f"seed{seed}", request.model_copy(update={"seed": seed}), command, resume=resume)
        run = work.run
        try:
            phase(work)
        except BudgetError as error:
            progress.say(f"seed {seed}: {error.message}; {error.hint}")
            rows.append(SeedRow(seed=seed, run=str(run.folder), error=error.message, within=False, costs={},
                                accuracy={}))
        else:
            rows.append(row(run))
        searches += learned(run)
    found = summary(folder, rows).replaced(score_correlation=score_correlation(searches))
    found.write(folder)
    return found


def check_folder(folder: Path) -> None:
    """Raises: RunError for a folder that holds anything but runs by their seeds."""
    check_holds_only(folder, lambda name: name == Seeds.FILE or name.startswith("seed"), "run of a seed", "--seeds")


def row(run: Run) -> SeedRow:
    """A seed's figures, as far as its phases are done; a network that is not trained has the supernet's accuracy."""
    found = result(run)
    verified = Verdict.read(run.folder) is not None
    return SeedRow(
        seed=run.config.seed, run=str(run.folder), error=None,
        within=within_budget(run) if verified else all(b.within for b in found.budgets),
        costs={b.metric: SeedCost(cost=b.cost, limit=b.limit, provenance=b.figure.provenance) for b in found.budgets},
        accuracy=found.accuracy or supernet_accuracy(run))


def supernet_accuracy(run: Run) -> dict[str, float]:
    """What the supernet's weights reach on validation images along the run's architecture, if one was trained."""
    decoding = Decoding.read(run.folder)
    found = decoding.supernet_validation if decoding else None
    return {} if found is None else {"supernet_validation": found}


def learned(run: Run) -> list[Scores]:
    """The scores of its search, if that went through to its end and its strategy trains a supernet."""
    found = Search.read(run.folder) if strategy_of(run).trains_supernet else None
    return [found.scores] if found and found.scores else []


def summary(folder: Path, rows: Sequence[SeedRow]) -> Seeds:
    """The rows, the spread of each figure, and the best seed: of those within the budgets, by validation alone."""
    costs = {metric for r in rows for metric in r.costs}
    parts = {part for r in rows for part in r.accuracy}
    figures = {metric: [r.costs[metric].cost for r in rows if metric in r.costs] for metric in sorted(costs)}
    figures |= {f"{part}_accuracy": [r.accuracy[part] for r in rows if part in r.accuracy]
                for part in sorted(parts)}
    return Seeds(folder=str(folder), seeds=tuple(rows), within=sum(r.within for r in rows),
                 spread={name: spread(values) for name, values in figures.items()}, best=best(rows))


def spread(values: Sequence[float]) -> Spread:
    return Spread(count=len(values), mean=statistics.fmean(values),
                  sd=statistics.stdev(values) if len(values) > 1 else None, min=min(values), max=max(values))


def best(rows: Sequence[SeedRow]) -> BestSeed | None:
    """None where no seed held the budgets, or no accuracy is known."""
    for part in ("validation", "supernet_validation"):
        found = [r for r in rows if r.within and part in r.accuracy]
        if found:
            chosen = max(found, key=lambda r: r.accuracy[part])
            return BestSeed(seed=chosen.seed, run=chosen.run, by=f"{part}_accuracy")
    return None
