"""Runs of several seeds as tables."""

from __future__ import annotations

from collections.abc import Sequence

from edgenas.cli.output import say, table
from edgenas.flow.records.result import SeedRow, Seeds

CHANCE = 0.25  # below it, more than three quarters of the variance of what a search learned are chance


def show_seeds(found: Seeds) -> None:
    rows, spread = found.seeds, found.spread
    metrics = [name for name in spread if not name.endswith("_accuracy")]
    parts = [name.removesuffix("_accuracy") for name in spread if name.endswith("_accuracy")]
    table("seeds", ["seed", *(heading(rows, metric) for metric in metrics), *(f"{p} accuracy" for p in parts),
                    "within budget"],
          [[str(r.seed), *(f"{r.costs[m].cost:.4g}" if m in r.costs else "" for m in metrics),
            *(f"{r.accuracy[p]:.2%}" if p in r.accuracy else "" for p in parts), "yes" if r.within else "NO"]
           for r in rows])
    table("spread", ["figure", "seeds", "mean", "standard deviation", "least", "most"],
          [[name, str(s.count), *(shown(name, value) for value in (s.mean, s.sd, s.min, s.max))]
           for name, s in spread.items()])
    say(f"within budget: {found.within} of {len(rows)} seeds")
    if found.score_correlation is not None:
        say(describe(found.score_correlation))
    best = found.best
    say(f"best by {best.by}: seed {best.seed}, {best.run}" if best else
        "no best: no seed held the budgets with a validation accuracy")


def describe(correlation: float) -> str:
    """What the correlation of the searches' scores says."""
    sentence = f"what the searches learned correlates between seeds by {correlation:.2f} (1: all the same, 0: chance)"
    return sentence + ("; more epochs would tell candidates apart better: --set search.epochs=N, or "
                       "--strategy halving, which trains no supernet" if correlation < CHANCE else "")


def heading(rows: Sequence[SeedRow], metric: str) -> str:
    """A metric and how it is known, in all rows that have it."""
    words = dict.fromkeys(r.costs[metric].provenance for r in rows if metric in r.costs)
    return f"{metric} ({', '.join(words)})"


def shown(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if name.endswith("_accuracy") else f"{value:.4g}"
