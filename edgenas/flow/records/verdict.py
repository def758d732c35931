"""What the verification found, of files and against budgets."""

from __future__ import annotations

from typing import ClassVar

from pydantic import model_validator

from edgenas.cost.budget import Budget
from edgenas.figure import COUNTED, ESTIMATED, MEASURED, PREDICTED, Figure, Provenance, unit_of
from edgenas.record import Kept, Number, Record


class VerifiedArtifact(Record):
    """A file on the device, and on the whole test set beside PyTorch.

    model_bytes: of what its runtime takes. measured_latency_ms is None where the device does not run it; spread: how
    far the measurements lie apart, relative; clock: `cpu` where other programs made wall time longer. told: metric ->
    what the runtime said of the file.
    """

    format: str
    precision: str = "fp32"
    runtime: str
    path: str
    bytes: int
    sha256: str
    model_bytes: int | None = None
    max_abs: float
    agreement: float
    test_accuracy: float
    test_images: int
    measured_latency_ms: float | None
    spread: float | None = None
    clock: str | None = None
    told: dict[str, Number] = {}
    test_accuracy_pytorch: float | None = None


class VerifiedBudget(Record):
    """A cost under the word for how it is known: it is called measured only if the file was measured, or counted in.

    predicted: by the cost model, before. margin: that model's; None where it is not known.
    """

    metric: str
    limit: Number
    predicted: Number | None
    measured: Number | None
    estimated: Number | None = None
    provenance: Provenance | None = None
    margin: Number | None = None
    within: bool

    @classmethod
    def of(cls, budget: Budget, predicted: float | None, cost: Figure, within: bool) -> VerifiedBudget:
        value, word = cost.value, cost.provenance
        own = {ESTIMATED: value} if word == ESTIMATED else {}
        return cls.from_json({
            "metric": budget.metric, "limit": budget.limit, "predicted": predicted,
            "measured": value if word in (MEASURED, COUNTED) else None, **own, "provenance": word, "within": within})

    @model_validator(mode="after")
    def _known(self) -> VerifiedBudget:
        known = self._costs
        if not known or (self.measured is None and (self.provenance or next(iter(known))) not in known):
            raise ValueError(f"there is no figure of {self.metric}")
        return self

    @property
    def _costs(self) -> dict[Provenance, Number]:
        """Best known first."""
        found: dict[Provenance, Number | None] = {
            MEASURED: self.measured, ESTIMATED: self.estimated, PREDICTED: self.predicted}
        return {word: cost for word, cost in found.items() if cost is not None}

    @property
    def figure(self) -> Figure:
        """What the file costs, and how that is known; older runs do not say the word."""
        (first, *_) = self._costs
        word = self.provenance or first
        return Figure(self._costs[word] if self.measured is None else self.measured, unit_of(self.metric), word)

    @property
    def cost(self) -> float:
        return self.figure.value


class VerifiedFiles(Kept):
    """verify.json of a network that was made elsewhere: there are no budgets."""

    FILE: ClassVar[str] = "verify.json"

    artifacts: tuple[VerifiedArtifact, ...]


class Verdict(Kept):
    """verify.json"""

    FILE: ClassVar[str] = "verify.json"

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
