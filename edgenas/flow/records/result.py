"""What is said of a run, of the same run by several seeds, and of several spaces."""

from __future__ import annotations

from typing import ClassVar

from edgenas.figure import Figure, Provenance, unit_of
from edgenas.flow.records.training import Accuracy
from edgenas.flow.records.verdict import VerifiedArtifact, VerifiedBudget
from edgenas.record import Kept, Number, Record


class Before(Record):
    """A network of the user's own as it was."""

    accuracy: Accuracy
    costs: dict[str, Number]


class Result(Record):
    """What `edgenas run` and `edgenas verify` print: what is known of a run, as far as its phases are done.

    reachable: by metric the cheapest and the dearest network of the space. accuracy: in PyTorch, by part of the data.
    uncut: a network of the user's own as it was; counted: what needs no device of the found one.
    """

    run: str
    device: str
    runtime: str
    strategy: str
    space: str
    space_options: dict[str, str]
    seed: int
    statistic: str
    reachable: dict[str, tuple[Number, Number]]
    budgets: tuple[VerifiedBudget, ...]
    architecture: dict[str, str]
    accuracy: dict[str, float]
    artifacts: tuple[VerifiedArtifact, ...]
    uncut: Before | None = None
    counted: dict[str, Number] = {}


class SeedCost(Record):
    """A cost against its budget's limit."""

    cost: Number
    limit: Number
    provenance: Provenance

    def figure(self, metric: str) -> Figure:
        return Figure(self.cost, unit_of(metric), self.provenance)


class SeedRow(Record):
    """What a seed came to; error: why it found no network within the budgets. A network that is not trained has the
    accuracy of the supernet's weights."""

    seed: int
    run: str
    error: str | None
    within: bool
    costs: dict[str, SeedCost]
    accuracy: dict[str, float]


class Spread(Record):
    """Of one figure over the seeds; sd: the sample's standard deviation, None of a single value."""

    count: int
    mean: Number
    sd: Number | None
    min: Number
    max: Number


class BestSeed(Record):
    """by: the accuracy that it is the best by."""

    seed: int
    run: str
    by: str


class Seeds(Kept):
    """ensemble.json. within: how many seeds held the budgets. score_correlation: between what the searches learned."""

    FILE: ClassVar[str] = "ensemble.json"

    folder: str
    seeds: tuple[SeedRow, ...]
    within: int
    spread: dict[str, Spread]
    best: BestSeed | None
    score_correlation: float | None = None


class SpaceNetwork(Record):
    """A random network of a space. trial_losses: by the number of epochs; None where its training diverged."""

    architecture: dict[str, str]
    macs: Number
    predicted: dict[str, Number]
    trial_losses: dict[int, float | None]


class SpaceRow(Record):
    """A space by its options. refused: why no network of it holds the budgets. losses: the means of its networks."""

    options: tuple[str, ...]
    run: str
    refused: str | None
    networks: tuple[SpaceNetwork, ...]
    losses: dict[int, float | None]


class Spaces(Kept):
    """spaces.json. chosen: the options of the space that suits the budgets best."""

    FILE: ClassVar[str] = "spaces.json"

    chosen: tuple[str, ...]
    spaces: tuple[SpaceRow, ...]
