"""Decode, export, measure, correct, and again: a network is taken only when its exported file held every budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edgenas.budget import Budget
from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError
from edgenas.progress import Progress
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.space.architecture import Architecture

ROUNDS = 6
WELL_USED = 0.95  # share of a budget from which on another round is not worth its time
REPEATABILITY = 0.02  # how far a latency that is measured again may lie above: it must hold then too
FLOOR = 0.9  # networks predicted to use less of the first budget are taken only if there is nothing else
HINT = "raise the budget, or search a narrower space: --set space.width=0.5"
Measure = Callable[[Architecture], Mapping[str, float]]


@dataclass
class Settled:
    """rounds: per decoded network its picks, predicted and measured figures, and whether it held the budgets."""

    architecture: Architecture
    rounds: list[dict[str, Any]] = field(default_factory=list)


def settle(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget], measure: Measure,
           progress: Progress, words: Mapping[str, str] | None = None) -> Settled:
    """The best-scored architecture whose measured costs hold every budget, of those that use the first one well.

    Each round solves the integer program, measures the network, and shifts the cost models so that they predict what
    was measured. The margin for the model's own error halves every round, as the correction is local. Ends early
    when a network holds and uses its first budget well. When nothing else is predicted to hold, the cheapest is tried.
    `words` says for each metric how `measure` knows it: measured, if nothing is said.

    Raises: BudgetError with the figures when none of the measured networks held.
    """
    models, words = dict(models), words or {}
    rounds: list[dict[str, Any]] = []
    held: dict[Architecture, tuple[bool, float]] = {}
    for number in range(ROUNDS):
        measured_before = [Architecture(r["architecture"]) for r in rounds]
        caution = 0.5**number
        picked = _solve(scores, models, budgets, caution, measured_before)
        if picked is None and rounds and not held:
            picked = _cheapest(models, budgets, caution, measured_before)
        if picked is None:
            continue  # the next round is less cautious
        predicted = {b.metric: models[b.metric].predict(picked) for b in budgets}
        measured = dict(measure(picked))
        within = all(measured[b.metric] <= safe(b) for b in budgets)
        rounds.append({"architecture": dict(picked), "predicted": predicted, "measured": measured, "within": within})
        progress.say(f"round {number + 1}: " + ", ".join(
            f"{b.metric} predicted {predicted[b.metric]:.4g}"
            + ("" if word == "predicted" else f" {word} {measured[b.metric]:.4g}") + f" of {b.limit:.4g}"
            for b in budgets for word in [words.get(b.metric, "measured")]))
        for b in budgets:
            if not models[b.metric].exact:
                models[b.metric] = models[b.metric].corrected(picked, measured[b.metric])
        if within:
            used = measured[budgets[0].metric] / budgets[0].limit
            held[picked] = (used >= FLOOR, sum(scores[choice][candidate] for choice, candidate in picked.items()))
            if used >= WELL_USED:
                break
    if not held:
        raise BudgetError(_failure(rounds, budgets, words), HINT)
    return Settled(max(held, key=held.__getitem__), rounds)


def check_together(models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> None:
    """Raises: BudgetError when no network is predicted to hold all budgets at once."""
    choices = models[budgets[0].metric].table
    scores = {choice: dict.fromkeys(candidates, 0.0) for choice, candidates in choices.items()}
    if _solve(scores, models, budgets, 0.5 ** (ROUNDS - 1), ()) is None:
        raise BudgetError(_failure((), budgets), HINT)


def _solve(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget], caution: float,
           exclude: Sequence[Architecture]) -> Architecture | None:
    """The best architecture that uses the first budget well, or else the best at all."""
    for floor in (FLOOR, 0.0):
        picked = decode(scores, constraints_of(models, budgets, caution, floor), exclude)
        if picked is not None:
            return picked
    return None


def _cheapest(models: Mapping[str, CostModel], budgets: Sequence[Budget], caution: float,
              exclude: Sequence[Architecture]) -> Architecture | None:
    """The architecture that is cheapest by the first metric whose predictions are not exact: they may be too high."""
    uncertain = next((models[b.metric] for b in budgets if not models[b.metric].exact), None)
    if uncertain is None:
        return None
    thrift = {choice: {name: -cost for name, cost in row.items()} for choice, row in uncertain.table.items()}
    certain = [c for c in constraints_of(models, budgets, caution, 0.0) if c.model.exact]
    return decode(thrift, [*certain, Constraint(uncertain, math.inf)], exclude)


def constraints_of(models: Mapping[str, CostModel], budgets: Sequence[Budget], caution: float,
                   floor: float) -> list[Constraint]:
    """The budgets within `caution` times the models' margins; `floor` is the share of the first that must be used."""
    limits = [safe(b) / (1 + models[b.metric].margin * caution) for b in budgets]
    return [Constraint(models[b.metric], limit, floor * limit if i == 0 and floor else -math.inf)
            for i, (b, limit) in enumerate(zip(budgets, limits, strict=True))]


def well_used(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> list[Constraint]:
    """The budgets within the models' margins, and the first one used well where there is a network that does."""
    using = constraints_of(models, budgets, caution=1.0, floor=FLOOR)
    return using if decode(scores, using) is not None else constraints_of(models, budgets, caution=1.0, floor=0.0)


def safe(budget: Budget) -> float:
    """The figure that must be measured now so that the budget's limit holds whenever it is measured again."""
    is_counted = metric_of(budget.metric).of is not None
    return budget.limit if is_counted else budget.limit / (1 + REPEATABILITY)


def _failure(rounds: Sequence[Mapping[str, Any]], budgets: Sequence[Budget],
             words: Mapping[str, str] | None = None) -> str:
    if not rounds:
        return "no network of this space is predicted to hold " + " and ".join(
            f"{b.metric} = {b.limit:.4g}" for b in budgets) + " at once"
    tried = "; ".join(", ".join(f"{b.metric} {r['measured'][b.metric]:.4g} of {b.limit:.4g}" for b in budgets)
                      for r in rounds)
    known = dict.fromkeys((words or {}).get(b.metric, "measured") for b in budgets)
    return f"none of {len(rounds)} decoded networks held the budget when {' and '.join(known)}: {tried}"
