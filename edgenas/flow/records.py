"""The JSON files in a run's folder, as later phases and the report rely on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from edgenas.cost.budget import Budget
from edgenas.cost.heldout import HeldOut
from edgenas.errors import RunError
from edgenas.text import one_line


class Record(BaseModel):
    """Files may say more than is relied on."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Data(Record):
    """data.json"""

    name: str
    source: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    sizes: dict[str, int]
    per_class: dict[str, dict[str, int]]
    seed: int
    skipped: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()


class BudgetState(Record):
    """Of one budget after one epoch of the search, in the metric's unit but for the multiplier."""

    expected: float
    target: float
    multiplier: float


class SearchEpoch(Record):
    loss: float
    accuracy: float
    entropy: float
    budgets: dict[str, BudgetState]
    seconds: float


class Search(Record):
    """search.json; no history where the strategy trains no supernet."""

    history: tuple[SearchEpoch, ...]
    scores: dict[str, dict[str, float]] = {}


class Model(Record):
    """A cost model: held_out and profile_sha256 only where the cost was learned from measurements.

    provenance: of what it was learned from: measured, estimated or published; counted, where it needs no device.
    """

    reachable: tuple[float, float]
    margin: float
    exact: bool
    held_out: HeldOut | None = None
    profile_sha256: str | None = None
    provenance: str = "measured"


class Layer(Record):
    """predicted: what the place adds, by metric."""

    place: str
    candidate: str
    input_shape: tuple[int, ...]
    predicted: dict[str, float]


class Round(Record):
    """One network whose exported file was measured, or estimated, where its device can be asked.

    trial_loss: of the last of the trial_epochs of its trial training; null where that diverged.
    """

    architecture: dict[str, str]
    predicted: dict[str, float]
    measured: dict[str, float]
    estimated: dict[str, float] = {}
    within: bool
    trial_loss: float | None = None
    trial_epochs: int | None = None

    def cost(self, metric: str) -> float:
        """The best that is known of it."""
        return (self.predicted | self.estimated | self.measured)[metric]


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


class Decoding(Record):
    """decoding.json"""

    models: dict[str, Model]
    budgets: Annotated[tuple[Budget, ...], MinLen(1)]
    architecture: dict[str, str]
    predicted: dict[str, float]
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
            asked = b.metric in self.models and self.models[b.metric].provenance != "published"
            if b.metric not in self.models or any(b.metric not in row for row in figures + found * asked):
                raise ValueError(f"there is not every figure of {b.metric}")
        return self

    @property
    def chosen(self) -> Round:
        """The round whose network was taken."""
        return next(r for r in self.rounds if r.architecture == self.architecture)


class Accuracy(Record):
    validation: float
    test: float


class TrainEpoch(Record):
    loss: float
    validation: float
    seconds: float


class Training(Record):
    """train.json"""

    history: Annotated[tuple[TrainEpoch, ...], MinLen(1)]
    accuracy: Accuracy


class VerifiedArtifact(Record):
    """measured_latency_ms is None where the device does not run the artifact."""

    format: str
    precision: str = "fp32"
    runtime: str
    path: str
    bytes: int
    sha256: str
    max_abs: float
    agreement: float
    test_accuracy: float
    test_images: int
    measured_latency_ms: float | None
    spread: float | None = None


class VerifiedBudget(Record):
    metric: str
    limit: float
    predicted: float | None
    measured: float | None
    estimated: float | None = None
    margin: float | None
    within: bool
    provenance: str | None = None

    @model_validator(mode="after")
    def _known(self) -> VerifiedBudget:
        known = {"measured": self.measured, "estimated": self.estimated, "predicted": self.predicted}
        known = {word: value for word, value in known.items() if value is not None}
        if not known or (self.measured is None and (self.provenance or next(iter(known))) not in known):
            raise ValueError(f"there is no figure of {self.metric}")
        return self

    @property
    def cost(self) -> float:
        """The best that is known of it."""
        return next(value for value in (self.measured, self.estimated, self.predicted) if value is not None)


class Verdict(Record):
    """verify.json"""

    artifacts: tuple[VerifiedArtifact, ...]
    budgets: tuple[VerifiedBudget, ...]
    within: bool
    statistic: str
    runtime: str
    precision: str = "fp32"

    @model_validator(mode="after")
    def _complete(self) -> Verdict:
        if not any(self._binds(a) for a in self.artifacts):
            raise ValueError(f"there is no {self.precision} artifact of runtime {self.runtime}")
        return self

    def _binds(self, artifact: VerifiedArtifact) -> bool:
        return (artifact.runtime, artifact.precision) == (self.runtime, self.precision)

    @property
    def bound(self) -> VerifiedArtifact:
        """The artifact that the budgets bind."""
        return next(a for a in self.artifacts if self._binds(a))


class Baseline(Record):
    """One network of baselines.json: either skipped, with the reason, or trained and measured."""

    skipped: str | None = None
    accuracy: Accuracy | None = None
    measured: dict[str, float] = {}
    macs: int | None = None
    params: int | None = None
    width: float | None = None
    depth: int | None = None
    architecture: dict[str, str] | None = None


class Frozen(Record):
    """Layers of a user's own network that keep their number of channels."""

    layers: str
    channels: int
    why: str


class StarterOf(Record):
    """The trained network that somebody gave away, with its licence."""

    name: str
    packages: dict[str, str]
    licence: str
    source: str
    weights: str


class Uncut(Record):
    """own.json. rises: by block, candidate -> by how much it alone is estimated to raise the loss; the first is the
    block as it was. kept: by pattern, the modules that the user wants left alone. before, after: costs, by metric."""

    accuracy: Accuracy
    head: str = ""
    starter: StarterOf | None = None
    kept: dict[str, tuple[str, ...]] = {}
    rises: dict[str, dict[str, float]]
    fixed: tuple[Frozen, ...]
    before: dict[str, float] = {}
    after: dict[str, float] = {}


class FrontierUncut(Record):
    """The network that was cut; its cost is None where it was not come to."""

    accuracy: Accuracy
    cost: float | None
    provenance: str


class FrontierRow(Record):
    """The run of one budget; only `error`, where no network held it. accuracy: None before the training."""

    budget: str
    run: str
    within: bool
    error: str | None = None
    limit: float | None = None
    cost: float | None = None
    provenance: str | None = None
    accuracy: Accuracy | None = None


class Frontier(Record):
    """frontier.json: a user's own network at several budgets, the largest first.

    floor: the validation accuracy that was asked for, as a share, if one was; chosen: the budget of the run that holds
    it at the least cost.
    """

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


class Retraining(Record):
    """qat.json, qat-mixed.json: no history until it is done."""

    settings: dict[str, float]
    history: tuple[TrainEpoch, ...] | None = None


KINDS: dict[str, TypeAdapter[Any]] = {
    "data.json": TypeAdapter(Data), "search.json": TypeAdapter(Search), "decoding.json": TypeAdapter(Decoding),
    "train.json": TypeAdapter(Training), "verify.json": TypeAdapter(Verdict),
    "baselines.json": TypeAdapter(dict[str, Baseline]), "qat.json": TypeAdapter(Retraining),
    "qat-mixed.json": TypeAdapter(Retraining), "own.json": TypeAdapter(Uncut),
    "frontier.json": TypeAdapter(Frontier),
}
"""By the name of the file."""


def record(path: Path, value: Any) -> Any:
    """What the file `path` says, as its kind; `value` is its JSON.

    Raises: RunError naming the file and the place in it that is not as edgenas writes it.
    """
    try:
        return KINDS[path.name].validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = one_line(".".join(str(part) for part in first["loc"]), 200)
        raise RunError(f"{path} is damaged: {where + ': ' if where else ''}{one_line(first['msg'], 400)}",
                       "delete it and run the command again") from error
