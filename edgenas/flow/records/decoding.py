"""The network that a search came to, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import MinLen
from pydantic import model_validator

from edgenas.cost.budget import Budget
from edgenas.cost.heldout import HeldOut
from edgenas.figure import COUNTED, ESTIMATED, MEASURED, PREDICTED, PUBLISHED, Figure, Provenance, unit_of
from edgenas.record import Kept, Number, Record

if TYPE_CHECKING:
    from edgenas.selection.attempts import Attempt


class Model(Record):
    """A cost model: held_out and profile_sha256 only where the cost was learned from measurements.

    provenance: of what it was learned from: measured, estimated or published; counted, where it needs no device.
    """

    reachable: tuple[Number, Number]
    margin: Number
    exact: bool
    held_out: HeldOut | None = None
    profile_sha256: str | None = None
    provenance: Provenance = MEASURED


class Layer(Record):
    """predicted: what the place adds, by metric."""

    place: str
    candidate: str
    input_shape: tuple[int, ...]
    predicted: dict[str, Number]


class Round(Record):
    """One network whose exported file was measured, or estimated, where its device can be asked.

    Costs stand under the word for how each is known; what is counted, under measured. trial_loss: of the last of the
    trial_epochs of its trial training; null where that diverged.
    """

    architecture: dict[str, str]
    predicted: dict[str, Number]
    measured: dict[str, Number]
    estimated: dict[str, Number] = {}
    within: bool
    trial_loss: float | None = None
    trial_epochs: int | None = None

    @classmethod
    def of(cls, attempt: Attempt, words: Mapping[str, Provenance]) -> Round:
        """words: how each metric's cost is known."""
        costs: dict[str, dict[str, float]] = {PREDICTED: dict(attempt.predicted), MEASURED: {}}
        for metric, cost in attempt.costs.items():
            word = MEASURED if words[metric] == COUNTED else words[metric]
            costs[word] = costs.get(word, {}) | {metric: cost}
        return cls.from_json({"architecture": dict(attempt.architecture), **costs, "within": attempt.within})

    def figure(self, metric: str) -> Figure:
        """The best that is known of its cost."""
        word = next(word for word, costs in self._costs.items() if metric in costs)
        return Figure(self._costs[word][metric], unit_of(metric), word)

    def cost(self, metric: str) -> float:
        """The best that is known of it."""
        return self.figure(metric).value

    @property
    def _costs(self) -> dict[Provenance, dict[str, Number]]:
        """Best known first."""
        return {MEASURED: self.measured, ESTIMATED: self.estimated, PREDICTED: self.predicted}


class CellEdge(Record):
    source: str
    target: str
    candidate: str


class Cell(Record):
    """edges: those that are left of the possible ones. nodes: inputs first."""

    name: str
    inputs: tuple[str, ...]
    nodes: tuple[str, ...]
    possible_edges: int
    edges: tuple[CellEdge, ...]


class Decoding(Kept):
    """decoding.json. supernet_validation: the accuracy on validation images with the supernet's weights."""

    FILE: ClassVar[str] = "decoding.json"

    models: dict[str, Model]
    budgets: Annotated[tuple[Budget, ...], MinLen(1)]
    architecture: dict[str, str]
    predicted: dict[str, Number]
    layers: tuple[Layer, ...]
    cells: tuple[Cell, ...] = ()
    rounds: tuple[Round, ...]
    supernet_validation: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> Decoding:
        if not any(r.architecture == self.architecture for r in self.rounds):
            raise ValueError("its architecture is that of no round")
        if not any(r.within for r in self.rounds):
            raise ValueError("no round is within the budgets")
        figures = [self.predicted, *(r.predicted for r in self.rounds)]
        found = [r.measured | r.estimated for r in self.rounds]
        for b in self.budgets:
            asked = b.metric in self.models and self.models[b.metric].provenance != PUBLISHED
            if b.metric not in self.models or any(b.metric not in row for row in figures + found * asked):
                raise ValueError(f"there is not every figure of {b.metric}")
        return self

    @property
    def chosen(self) -> Round:
        """The round whose network was taken: one that was within the budgets, where it was measured several times."""
        return max((r for r in self.rounds if r.architecture == self.architecture), key=lambda r: r.within)

    def figure(self, metric: str) -> Figure:
        """The chosen network's cost, decoded and not trained yet, and how it is known."""
        found, model = self.chosen.figure(metric), self.models[metric]
        counted = model.exact or model.provenance == COUNTED
        return Figure(found.value, found.unit, COUNTED) if counted else found
