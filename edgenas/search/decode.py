"""Decoding: the architecture with the best total score under every budget at once, found exactly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgenas.cost.model import CostModel
from edgenas.space.architecture import Architecture
from edgenas.space.solver import Row, best

Scores = Mapping[str, Mapping[str, float]]

ROW_UNIT = 1e-4  # share of a limit; HiGHS lets a row miss its bound by 1e-6 of it, which must be less than one MAC
LEAST_UNIT = 1e-6  # of the largest cost: a limit of nought gives no unit, and HiGHS takes huge entries for infinite


@dataclass(frozen=True)
class Constraint:
    """The predicted cost must lie in [floor, limit]; with no limit, only what the model's space asks for holds."""

    model: CostModel
    limit: float
    floor: float = -np.inf


def even(choices: Mapping[str, Iterable[str]]) -> dict[str, dict[str, float]]:
    """Scores that favour no candidate."""
    return {choice: dict.fromkeys(names, 0.0) for choice, names in choices.items()}


def decode(scores: Scores, constraints: Sequence[Constraint],
           exclude: Collection[Architecture] = (), asked: Collection[Row] = ()) -> Architecture | None:
    """The architecture of the largest summed score that holds all constraints and is not in `exclude`.

    A multiple-choice knapsack as an integer program (space/solver.py) with a row per summed cost, what the space asks
    of architectures, and a cut per excluded one; `asked` are further rows. A cost that combines as a maximum forbids
    the candidates above its limit; what candidates add to it makes a row for each choice, as if its pick were the
    largest. None if no architecture is left.
    """
    rows: dict[Row, None] = dict.fromkeys(asked)
    forbidden: set[tuple[str, str]] = set()
    for constraint in constraints:
        model = constraint.model
        rows |= dict.fromkeys(model.rows)
        limit = constraint.limit - model.bias
        if model.combine == "max":
            if model.fixed > limit:
                return None
            forbidden |= {(choice, name) for choice, names in scores.items() for name in names
                          if model.alone(choice, name) > limit}
            rows |= dict.fromkeys(_maximum(model, limit))
        elif np.isfinite(constraint.limit):
            rows[_budget(constraint, scores)] = None
    cuts = [Row({choice: {candidate: 1.0} for choice, candidate in architecture.items()},
                high=len(architecture) - 1.0) for architecture in exclude]
    return best(scores, [*rows, *cuts], forbidden)


def _maximum(model: CostModel, limit: float) -> list[Row]:
    """For each choice: what its pick takes beside what all picks add. So also for the fixed parts."""
    if not model.added:
        return []
    unit = max(abs(limit), 1e-12) * ROW_UNIT
    added = {choice: {name: cost / unit for name, cost in row.items()} for choice, row in model.added.items()}
    whole = {choice: {name: model.alone(choice, name) / unit for name in row} for choice, row in model.table.items()}
    return [Row(added, high=(limit - model.fixed) / unit),
            *(Row(added | {choice: row}, high=limit / unit) for choice, row in whole.items())]


def _budget(constraint: Constraint, scores: Scores) -> Row:
    model = constraint.model
    costs = {choice: {name: model.table[choice][name] for name in names} for choice, names in scores.items()}
    largest = max(abs(cost) for row in costs.values() for cost in row.values())
    unit = max(abs(constraint.limit - model.bias), LEAST_UNIT * largest, 1e-12) * ROW_UNIT
    known = model.bias + model.fixed
    return Row({choice: {name: cost / unit for name, cost in row.items()} for choice, row in costs.items()},
               (constraint.floor - known) / unit, (constraint.limit - known) / unit)
