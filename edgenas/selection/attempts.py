"""Which network is measured next, after what was measured of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.selection.limits import FLOOR, constraints_of, floors, safe
from edgenas.selection.sampling import favour
from edgenas.space.architecture import Architecture

Rank = Callable[[Mapping[str, CostModel]], Sequence[Architecture]]


@dataclass(frozen=True)
class Attempt:
    """A network whose file was measured, or what stands for that. costs, predicted: by metric. within: every budget."""

    architecture: Architecture
    costs: Mapping[str, float]
    predicted: Mapping[str, float]
    within: bool


@dataclass
class Attempts:
    """What was measured, round by round, and what follows from it.

    given: the cost models as they were. models: shifted so that they predict what was measured last, which is right
    for the networks near it. by: the models by which the last pick was predicted to hold. rank: ranks networks that
    given models predict to hold. ranking: what it said last, best first. held: the networks that held every budget,
    and what share of the first one they use.
    """

    scores: Scores
    given: Mapping[str, CostModel]
    budgets: Sequence[Budget]
    rank: Rank | None = None
    ranking: Sequence[Architecture] = ()
    rounds: list[Attempt] = field(default_factory=list)
    held: dict[Architecture, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.models = dict(self.given)
        self.by = self.models

    @property
    def measured(self) -> list[Architecture]:
        return [attempt.architecture for attempt in self.rounds]

    @property
    def favoured(self) -> Scores:
        """The scores, in favour of what is nearest to the best-ranked network."""
        return favour(self.scores, self.ranking[0]) if self.ranking else self.scores

    @property
    def best(self) -> Architecture:
        """Of the networks that held, the one of the best score among those that use the first budget well; the one that
        uses most of it, where none does."""
        scores = self.favoured
        return max(self.held, key=lambda architecture: (min(self.held[architecture], FLOOR), sum(
            scores[choice][candidate] for choice, candidate in architecture.items())))

    def ranked(self, again: bool) -> Architecture | None:
        """The best-ranked network that was not measured and is predicted to hold every budget. When there is none, and
        `again` says so, others are ranked: of those that are predicted to hold after what was measured."""
        self.by = {metric: self.shifted(metric) for metric in self.given}
        picked = self.first_ranked()
        if picked is None and again and self.rank is not None:
            self.ranking = self.rank(self.by)
            picked = self.first_ranked()
        return picked

    def first_ranked(self) -> Architecture | None:
        constraints, known = constraints_of(self.by, self.budgets, caution=0.0, floor=0.0), set(self.measured)
        return next((architecture for architecture in self.ranking if architecture not in known
                     and all(c.model.predict(architecture) <= c.limit for c in constraints)), None)

    def shifted(self, metric: str) -> CostModel:
        """The model as it was, its mean error put right: of the measured networks, which lie far apart, and of one more
        on which it has none, as one error says little of the next."""
        model = self.given[metric]
        errors = [attempt.costs[metric] - model.predict(attempt.architecture) for attempt in self.rounds
                  if metric in attempt.predicted]
        return model if model.exact else replace(model, bias=model.bias + sum(errors) / (len(errors) + 1))

    def decoded(self, caution: float) -> Architecture | None:
        """The network nearest to the best-ranked, or of the best score where none was ranked, that uses the first
        budget well, or else the best at all; the cheapest, where nothing is predicted to hold and nothing has held."""
        self.by = self.models
        for floor in floors(FLOOR):
            picked = decode(self.favoured, constraints_of(self.models, self.budgets, caution, floor), self.measured)
            if picked is not None:
                return picked
        return self.cheapest(caution) if self.rounds and not self.held else None

    def cheapest(self, caution: float) -> Architecture | None:
        """The network that is cheapest by the first metric whose predictions are not exact: they may be too high."""
        uncertain = next((self.models[b.metric] for b in self.budgets if not self.models[b.metric].exact), None)
        if uncertain is None:
            return None
        thrift = {choice: {name: -cost for name, cost in row.items()} for choice, row in uncertain.table.items()}
        certain = [c for c in constraints_of(self.models, self.budgets, caution, 0.0) if c.model.exact]
        return decode(thrift, [*certain, Constraint(uncertain, math.inf)], self.measured)

    def take(self, picked: Architecture, costs: Mapping[str, float]) -> Attempt:
        """Note what was measured of a network, and correct the models."""
        made = Attempt(picked, costs, {b.metric: self.by[b.metric].predict(picked) for b in self.budgets},
                       all(costs[b.metric] <= safe(b) for b in self.budgets))
        self.rounds.append(made)
        for b in self.budgets:
            model = self.models[b.metric]
            self.models[b.metric] = model if model.exact else model.corrected(picked, costs[b.metric])
        if made.within:
            self.held[picked] = self.used(made)
        return made

    def used(self, made: Attempt) -> float:
        """The share of the first budget that was measured."""
        return made.costs[self.budgets[0].metric] / self.budgets[0].limit

    def share_of_prediction(self, made: Attempt) -> float:
        """What was measured of the first budget's metric, as a share of what the model had said as it was given."""
        metric = self.budgets[0].metric
        return made.costs[metric] / self.given[metric].predict(made.architecture)
