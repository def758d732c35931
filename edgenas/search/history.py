"""What an epoch of a search leaves."""

from __future__ import annotations

from pydantic import ConfigDict

from edgenas.record import Number, Record


class BudgetState(Record):
    """Of one budget after one epoch of the search, in the metric's unit but for the multiplier."""

    expected: float
    target: float
    multiplier: float


class SearchEpoch(Record):
    """entropy: of the choices, as a share of the largest. parameter_free: the share of probability that candidates
    without weights have. A strategy may log figures of its own beside these."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number]

    loss: float
    accuracy: float
    entropy: float
    parameter_free: float | None = None
    budgets: dict[str, BudgetState]
    seconds: float
