"""Decoding: the architecture with the best total score under every budget at once, found exactly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from edgenas.cost.model import CostModel
from edgenas.errors import EdgenasError
from edgenas.space.architecture import Architecture

Scores = Mapping[str, Mapping[str, float]]

ROW_UNIT = 1e-4  # share of a limit; HiGHS lets a row miss its bound by 1e-6 of it, which must be less than one MAC
LEAST_UNIT = 1e-6  # of the largest cost: a limit of nought gives no unit, and HiGHS takes huge entries for infinite


@dataclass(frozen=True)
class Constraint:
    """The predicted cost must lie in [floor, limit]."""

    model: CostModel
    limit: float
    floor: float = -np.inf


def decode(scores: Scores, constraints: Sequence[Constraint],
           exclude: Collection[Architecture] = ()) -> Architecture | None:
    """The architecture of the largest summed score that holds all constraints and is not in `exclude`.

    A multiple-choice knapsack as an integer program: one binary variable per candidate, one pick per choice, a row per
    summed cost, and a cut per excluded architecture. A cost that combines as a maximum removes the candidates above
    its limit. Solved to optimality by HiGHS (scipy.optimize.milp). None if no architecture is left.
    """
    variables = [(choice, candidate) for choice, candidates in scores.items() for candidate in candidates]
    objective = -np.array([scores[choice][candidate] for choice, candidate in variables])
    upper = np.ones(len(variables))
    rows: list[NDArray[np.float64]] = []
    lows: list[float] = []
    highs: list[float] = []

    def add(row: NDArray[np.float64], low: float, high: float) -> None:
        rows.append(row)
        lows.append(low)
        highs.append(high)

    for choice in scores:
        add(np.array([float(c == choice) for c, _ in variables]), 1.0, 1.0)
    for constraint in constraints:
        model = constraint.model
        costs = np.array([model.table[choice][candidate] for choice, candidate in variables])
        limit = constraint.limit - model.bias
        if model.combine == "max":
            upper[costs > limit] = 0.0
            if model.fixed > limit:
                return None
        else:
            unit = max(abs(limit), LEAST_UNIT * float(np.abs(costs).max()), 1e-12) * ROW_UNIT
            add(costs / unit, (constraint.floor - model.bias - model.fixed) / unit, (limit - model.fixed) / unit)
    for architecture in exclude:
        taken = np.array([float(architecture[choice] == candidate) for choice, candidate in variables])
        add(taken, 0.0, len(architecture) - 1.0)
    result = milp(objective, integrality=np.ones(len(variables)), bounds=Bounds(0.0, upper),
                  constraints=LinearConstraint(np.array(rows), lows, highs), options={"mip_rel_gap": 0.0})
    if result.status == 2:  # infeasible
        return None
    if result.x is None:
        raise EdgenasError(f"the integer program could not be solved: {result.message}")
    return Architecture({choice: candidate for (choice, candidate), x in zip(variables, result.x, strict=True)
                         if x > 0.5})
