"""What trainings came to: of the found network, for int8, of what it is compared with, and of a user's own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from annotated_types import MinLen
from pydantic import Field

from edgenas.flow.records.probe import Probe
from edgenas.record import Json, Kept, Number, Record
from edgenas.train.history import TrainEpoch


class Accuracy(Record):
    """Shares of right predictions, by part of the data."""

    validation: float
    test: float

    @property
    def by_part(self) -> dict[str, float]:
        return {"validation": self.validation, "test": self.test}


class Training(Kept):
    """train.json"""

    FILE: ClassVar[str] = "train.json"

    history: Annotated[tuple[TrainEpoch, ...], MinLen(1)]
    accuracy: Accuracy


class Retraining(Kept):
    """qat.json, qat-mixed.json: no history until it is done."""

    FILE: ClassVar[str] = "qat.json"

    settings: dict[str, Number]
    history: tuple[TrainEpoch, ...] | None = None
    accuracy: dict[str, float] = {}


class Baseline(Record):
    """One network of baselines.json: either skipped, with the reason, or trained and measured."""

    skipped: str | None = None
    accuracy: Accuracy | None = None
    measured: dict[str, Number] = {}
    macs: int | None = None
    params: int | None = None
    width: float | None = None
    depth: int | None = None
    architecture: dict[str, str] | None = None


class Baselines(Kept):
    """baselines.json, which is the networks by name."""

    FILE: ClassVar[str] = "baselines.json"

    networks: dict[str, Baseline]

    def to_json(self) -> Json:
        return {name: network.to_json() for name, network in self.networks.items()}

    @classmethod
    def from_json(cls, value: object) -> Self:
        return cls.model_validate({"networks": value})


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


class Uncut(Kept):
    """own.json. origin: what builds the network. head: the classifier that was replaced. history: of teaching it.
    teacher: the run that taught it, if another did. kept: by pattern, the modules that the user wants left alone.
    probe: how it does with other normalisations.

    rises: by block, candidate -> by how much it alone is estimated to raise the loss; the first is the
    block as it was. before, after: costs, by metric; None until they are known.
    """

    FILE: ClassVar[str] = "own.json"

    origin: Annotated[str | None, Field(alias="from")] = None
    parameters: int = 0
    head: str = ""
    starter: StarterOf | None = None
    teacher: str = ""
    probe: Probe | None = None
    history: tuple[TrainEpoch, ...] = ()
    accuracy: Accuracy
    rises: dict[str, dict[str, Number]]
    fixed: tuple[Frozen, ...]
    kept: dict[str, tuple[str, ...]] = {}
    before: dict[str, Number] = {}
    after: dict[str, Number] = {}
