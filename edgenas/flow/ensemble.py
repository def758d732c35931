"""The same run by several seeds: what one figure hides, their spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgenas.errors import BudgetError
from edgenas.files import write_json
from edgenas.flow.inheritance import strategy_of
from edgenas.flow.requests import RunRequest
from edgenas.flow.run import Run, check_holds_only
from edgenas.flow.specialise import result, within_budget
from edgenas.flow.work import Work
from edgenas.progress import Progress
from edgenas.search.decode import Scores
from edgenas.selection.correlation import score_correlation

Phase = Callable[[Work], object]
NAME = "ensemble.json"


def run_seeds(folder: Path, request: RunRequest, count: int, phase: Phase, progress: Progress, *,
              command: Sequence[str] = (), resume: bool = False) -> dict[str, Any]:
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
            rows.append({"seed": seed, "run": str(run.folder), "within": False, "error": error.message,
                         "costs": {}, "accuracy": {}})
        else:
            rows.append(row(run))
        searches += learned(run)
    document = summary(folder, rows) | {"score_correlation": score_correlation(searches)}
    write_json(folder / NAME, document)
    return document


def check_folder(folder: Path) -> None:
    """Raises: RunError for a folder that holds anything but runs by their seeds."""
    check_holds_only(folder, lambda name: name == NAME or name.startswith("seed"), "run of a seed", "--seeds")


def row(run: Run) -> dict[str, Any]:
    """A seed's figures, as far as its phases are done; a network that is not trained has the supernet's accuracy."""
    document = result(run)
    verified = run.read("verify.json") is not None
    accuracy = document["accuracy"] or supernet_accuracy(run)
    return {"seed": run.config.seed, "run": str(run.folder), "error": None,
            "within": within_budget(run) if verified else all(b["within"] for b in document["budgets"]),
            "costs": {b["metric"]: {"cost": known(b), "limit": b["limit"], "provenance": b["provenance"]}
                      for b in document["budgets"]},
            "accuracy": accuracy}


def known(budget: Mapping[str, Any]) -> float:
    """A budget's cost under the word for how it is known."""
    cost: float = budget[budget["provenance"]] if budget["measured"] is None else budget["measured"]
    return cost


def supernet_accuracy(run: Run) -> dict[str, float]:
    """What the supernet's weights reach on validation images along the run's architecture, if one was trained."""
    found = (run.read("decoding.json") or {}).get("supernet_validation")
    return {} if found is None else {"supernet_validation": found}


def learned(run: Run) -> list[Scores]:
    """The scores of its search, if that went through to its end and its strategy trains a supernet."""
    found = run.read("search.json") if strategy_of(run.config).trains_supernet else None
    return [found["scores"]] if found and found.get("scores") else []


def summary(folder: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows, the spread of each figure, and the best seed: of those within the budgets, by validation alone."""
    costs = {metric for r in rows for metric in r["costs"]}
    parts = {part for r in rows for part in r["accuracy"]}
    figures = {metric: [r["costs"][metric]["cost"] for r in rows if metric in r["costs"]] for metric in sorted(costs)}
    figures |= {f"{part}_accuracy": [r["accuracy"][part] for r in rows if part in r["accuracy"]]
                for part in sorted(parts)}
    return {"folder": str(folder), "seeds": list(rows), "within": sum(r["within"] for r in rows),
            "spread": {name: spread(values) for name, values in figures.items()}, "best": best(rows)}


def spread(values: Sequence[float]) -> dict[str, Any]:
    """sd: the sample's standard deviation, None of a single value."""
    return {"count": len(values), "mean": statistics.fmean(values),
            "sd": statistics.stdev(values) if len(values) > 1 else None, "min": min(values), "max": max(values)}


def best(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """None where no seed held the budgets, or no accuracy is known."""
    for part in ("validation", "supernet_validation"):
        found = [r for r in rows if r["within"] and part in r["accuracy"]]
        if found:
            chosen = max(found, key=lambda r: float(r["accuracy"][part]))
            return {"seed": chosen["seed"], "run": chosen["run"], "by": f"{part}_accuracy"}
    return None
