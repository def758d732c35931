"""The integer program that picks one candidate of every choice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from edgenas.errors import EdgenasError
from edgenas.space.architecture import Architecture


@dataclass(frozen=True, eq=False)
class Row:
    """The sum of the picked candidates' coefficients (0 where there is none) must lie in [low, high]."""

    coefficients: Mapping[str, Mapping[str, float]]
    low: float = -np.inf
    high: float = np.inf


def best(scores: Mapping[str, Mapping[str, float]], rows: Sequence[Row],
         forbidden: Collection[tuple[str, str]] = ()) -> Architecture | None:
    """The architecture of the largest summed score that holds all rows; None if there is none.

    One binary variable per candidate of `scores`, one pick per choice. Solved to optimality by HiGHS
    (scipy.optimize.milp). forbidden: (choice, candidate) that may not be picked.
    """
    variables = [(choice, candidate) for choice, candidates in scores.items() for candidate in candidates]
    one_each = [Row({choice: dict.fromkeys(scores[choice], 1.0)}, 1.0, 1.0) for choice in scores]
    every = [*one_each, *rows]
    matrix = np.array([[row.coefficients.get(choice, {}).get(candidate, 0.0) for choice, candidate in variables]
                       for row in every])
    upper = np.array([float(variable not in forbidden) for variable in variables])
    objective = -np.array([scores[choice][candidate] for choice, candidate in variables])
    result = milp(objective, integrality=np.ones(len(variables)), bounds=Bounds(0.0, upper),
                  constraints=LinearConstraint(matrix, [row.low for row in every], [row.high for row in every]),
                  options={"mip_rel_gap": 0.0})
    if result.status == 2:  # infeasible
        return None
    if result.x is None:
        raise EdgenasError(f"the integer program could not be solved: {result.message}")
    return Architecture({choice: candidate for (choice, candidate), x in zip(variables, result.x, strict=True)
                         if x > 0.5})
