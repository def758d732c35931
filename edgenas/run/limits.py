"""Budgets as limits on what the cost models predict, and on what is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edgenas.budget import Budget
from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, Scores, decode

REPEATABILITY = 0.02  # how far a latency that is measured again may lie above: it must hold then too
FLOOR = 0.9  # networks predicted to use less of the first budget are taken only if there is nothing else
LOW_FLOOR = 0.8  # the same where a ranking sees how much is computed, and the best-ranked are trained for a while


def constraints_of(models: Mapping[str, CostModel], budgets: Sequence[Budget], caution: float,
                   floor: float) -> list[Constraint]:
    """The budgets within `caution` times the models' margins; `floor` is the share of the first that must be used."""
    limits = [safe(b) / (1 + models[b.metric].margin * caution) for b in budgets]
    return [Constraint(models[b.metric], limit, floor * limit if i == 0 and floor else -math.inf)
            for i, (b, limit) in enumerate(zip(budgets, limits, strict=True))]


def well_used(scores: Scores, models: Mapping[str, CostModel], budgets: Sequence[Budget],
              floor: float = FLOOR) -> list[Constraint]:
    """The budgets as predicted, and the first one used well where there is a network that does."""
    using = constraints_of(models, budgets, caution=0.0, floor=floor)
    return using if decode(scores, using) is not None else constraints_of(models, budgets, caution=0.0, floor=0.0)


def safe(budget: Budget) -> float:
    """The figure that must be measured now so that the budget's limit holds whenever it is measured again."""
    is_counted = metric_of(budget.metric).of is not None
    return budget.limit if is_counted else budget.limit / (1 + REPEATABILITY)
