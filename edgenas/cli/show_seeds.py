"""Runs of several seeds as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgenas.cli.output import say, table

CHANCE = 0.25  # below it, more than three quarters of the variance of what a search learned are chance


def show_seeds(document: Mapping[str, Any]) -> None:
    rows, spread = document["seeds"], document["spread"]
    metrics = [name for name in spread if not name.endswith("_accuracy")]
    parts = [name.removesuffix("_accuracy") for name in spread if name.endswith("_accuracy")]
    table("seeds", ["seed", *(heading(rows, metric) for metric in metrics), *(f"{p} accuracy" for p in parts),
                    "within budget"],
          [[str(r["seed"]), *(f"{r['costs'][m]['cost']:.4g}" if m in r["costs"] else "" for m in metrics),
            *(f"{r['accuracy'][p]:.2%}" if p in r["accuracy"] else "" for p in parts), "yes" if r["within"] else "NO"]
           for r in rows])
    table("spread", ["figure", "seeds", "mean", "standard deviation", "least", "most"],
          [[name, str(s["count"]), *(shown(name, s[key]) for key in ("mean", "sd", "min", "max"))]
           for name, s in spread.items()])
    found = document["best"]
    say(f"within budget: {document['within']} of {len(rows)} seeds")
    if document["score_correlation"] is not None:
        say(told(document["score_correlation"]))
    say(f"best by {found['by']}: seed {found['seed']}, {found['run']}" if found else
               "no best: no seed held the budgets with a validation accuracy")


def told(correlation: float) -> str:
    """What the correlation of the searches' scores says."""
    sentence = f"what the searches learned correlates between seeds by {correlation:.2f} (1: all the same, 0: chance)"
    return sentence + ("; more epochs would tell candidates apart better: --set search.epochs=N, or "
                       "--strategy halving, which trains no supernet" if correlation < CHANCE else "")


def heading(rows: list[dict[str, Any]], metric: str) -> str:
    """A metric and how it is known, in all rows that have it."""
    words = dict.fromkeys(r["costs"][metric]["provenance"] for r in rows if metric in r["costs"])
    return f"{metric} ({', '.join(words)})"


def shown(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2%}" if name.endswith("_accuracy") else f"{value:.4g}"
