"""A user's own network at several budgets."""

from __future__ import annotations

from typing import ClassVar

from edgenas.figure import Figure, Provenance, unit_of
from edgenas.flow.records.training import Accuracy
from edgenas.record import Kept, Number, Record


class FrontierUncut(Record):
    """The network that was cut; its cost is None where it was not come to."""

    accuracy: Accuracy
    cost: Number | None
    provenance: Provenance

    def figure(self, metric: str) -> Figure | None:
        return None if self.cost is None else Figure(self.cost, unit_of(metric), self.provenance)


class FrontierRow(Record):
    """The run of one budget; only `error`, where no network held it. accuracy: None before the training."""

    budget: str
    run: str
    within: bool
    error: str | None = None
    limit: Number | None = None
    cost: Number | None = None
    provenance: Provenance | None = None
    accuracy: Accuracy | None = None

    def figure(self, metric: str) -> Figure | None:
        if self.cost is None or self.provenance is None:
            return None
        return Figure(self.cost, unit_of(metric), self.provenance)


class Frontier(Kept):
    """frontier.json: a user's own network at several budgets, the largest first.

    floor: the validation accuracy that was asked for, as a share, if one was; chosen: the budget of the run that holds
    it at the least cost.
    """

    FILE: ClassVar[str] = "frontier.json"

    folder: str
    origin: str
    metric: str
    floor: float | None = None
    chosen: str | None = None
    validation_images: int
    test_images: int
    uncut: FrontierUncut
    rows: tuple[FrontierRow, ...]

    @property
    def within(self) -> bool:
        """Whether every budget is held; with a floor, whether one of them holds it."""
        return self.chosen is not None if self.floor is not None else all(row.within for row in self.rows)
