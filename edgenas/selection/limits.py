"""Budgets as limits on what the cost models predict, and on what is measured."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from edgenas.cost.budget import Budget
from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, Scores, decode

T = TypeVar("T")
REPEATABILITY = 0.02  # how far a latency that is measured again may lie above: it must hold then too
FLOOR = 0.95  # share of the first budget: networks that use less are taken only if there is nothing else
LOW_FLOOR = 0.8  # the same where a ranking sees how much is computed, and the best-ranked are trained for a while


LOWER_FLOORS = (0.9, LOW_FLOOR, 0.0)  # what is asked next, where no network uses so much


def constraints_of(models: Mapping[str, CostModel], budgets: Sequence[Budget], caution: float,
                   floor: float) -> list[Constraint]:
    """The budgets within `caution` times the models' margins; `floor` is the share of the first that must be used."""
    found = []
    for i, b in enumerate(budgets):
        allowance = 1 + models[b.metric].margin * caution
        least = floor * b.limit / allowance if i == 0 and floor else -math.inf
        found.append(Constraint(models[b.metric], safe(b) / allowance, least))
    return found


def floors(floor: float) -> list[float]:
    """That share, and lower ones to be content with."""
    return [floor, *(lower for lower in LOWER_FLOORS if lower < floor)]


def well_used(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget],
              floor: float = FLOOR) -> list[Constraint]:
    """The budgets as predicted, and the first one used by that share, or as much as any network uses of it."""
    for share in floors(floor):
        using = constraints_of(models, budgets, caution=0.0, floor=share)
        if decode(scores, using) is not None:
            break
    return using


def largest_within(ladder: Sequence[T], cost: Callable[[T], dict[str, float]],
                   budgets: Sequence[Budget]) -> tuple[T, dict[str, float]] | None:
    """The last of a ladder, from small to large, that holds every budget, with what it costs, found by bisection; None
    if the first misses."""
    found: dict[T, dict[str, float]] = {}

    def misses(rung: T) -> bool:
        found[rung] = cost(rung)
        return any(found[rung][budget.metric] > budget.limit for budget in budgets)

    count = bisect_left(ladder, True, key=misses)
    return (ladder[count - 1], found[ladder[count - 1]]) if count else None


def safe(budget: Budget) -> float:
    """The figure that must be measured now so that the budget's limit holds whenever it is measured again."""
    is_counted = metric_of(budget.metric).of is not None
    return budget.limit if is_counted else budget.limit / (1 + REPEATABILITY)
