"""How a search goes, whatever its strategy: `--set search.NAME=VALUE`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

from annotated_types import Ge, Gt, Le, Lt

from edgenas.bounds import MOST_EPOCHS, MOST_IN_BATCH, MOST_NETWORKS, MOST_RATE
from edgenas.errors import UsageError

if TYPE_CHECKING:
    from edgenas.space.space import Space

TRIAL_PART = 6  # of the final training
PenaltyName = Literal["multiplier", "proxyless_product", "proxyless_sum", "fbnet", "snas"]
Ranking = Literal["auto", "zero_cost", "validation", "both", "none"]


class Searching(Protocol):
    """What of a strategy decides how its candidates are chosen; see edgenas/search/strategy.py."""

    ranks: ClassVar[bool]
    tries: ClassVar[bool]
    trains_supernet: ClassVar[bool]


@dataclass(frozen=True)
class SearchSettings:
    """lr: peak learning rate of the weights (SGD, Nesterov momentum 0.9, cosine). candidates: how many
    architectures within the budgets are tried before one is taken; 0 decodes the best-scored one untried; None: as
    `tried` says. ranking: what they are tried by: "zero_cost" measures of the untrained networks (see
    zero_cost.py), their "validation" accuracy with the supernet's weights, "both", or "none", the order in which
    they were sampled, so that trials alone decide; "auto": as `ranked_by` says. trials: how many of the best-ranked
    begin their training, to see which learns fastest (see trial.py); trial_epochs: after how many epochs the slower
    half is left out for the first time; None is a sixth of the final training. penalty: how the search is pulled
    towards the budgets, by learned multipliers or, to compare, by a paper's own term in the loss (see penalty.py).
    scoring: candidates' scores for decoding: what the strategy learned, or how much worse the supernet gets without
    each (see perturbation.py); with "evolution" the candidates that are tried are evolved by their validation
    accuracy alone, instead of sampled from those scores (see evolution.py). tuning: epochs of weight steps after
    each choice that perturbation decides. population, mutation: of evolution, how many of the candidates live at a
    time, and the chance of each choice to change in a child. space_networks: random networks that are trained a
    little of each space where several are tried (see flow/spaces.py)."""

    epochs: Annotated[int, Ge(1), Le(MOST_EPOCHS)] = 20
    batch_size: Annotated[int, Ge(2), Le(MOST_IN_BATCH)] = 64
    lr: Annotated[float, Gt(0), Le(MOST_RATE)] = 0.05
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    candidates: Annotated[int, Ge(0), Le(MOST_NETWORKS)] | None = None
    ranking: Ranking = "auto"
    trials: Annotated[int, Ge(0), Le(MOST_NETWORKS)] = 8
    trial_epochs: Annotated[int, Ge(1), Le(MOST_EPOCHS)] | None = None
    penalty: PenaltyName = "multiplier"
    scoring: Literal["probability", "perturbation", "evolution"] = "probability"
    tuning: Annotated[int, Ge(0), Le(MOST_EPOCHS)] = 0
    population: Annotated[int, Ge(1), Le(MOST_NETWORKS)] = 16
    mutation: Annotated[float, Ge(0), Le(1)] = 0.1
    space_networks: Annotated[int, Ge(1), Le(MOST_NETWORKS)] = 4

    def ranked_by(self, space: Space, strategy: Searching) -> Ranking:
        """The ranking that is asked for. "auto" is "zero_cost" in spaces of cells, whose shared weights hardly tell
        networks apart, and where no supernet is trained; else "validation" (docs/benchmarks.md has the figures). It is
        "none" for a strategy that leaves all to the trials."""
        if self.ranking != "auto":
            return self.ranking
        if not strategy.ranks:
            return "none"
        return "zero_cost" if space.graphs or not strategy.trains_supernet else "validation"

    def tried(self, ranking: Ranking) -> int:
        """How many candidates: of each the supernet sees some 2000 images, measuring it untrained takes 64; unranked,
        as many as may have to be measured for the trials."""
        usual = {"zero_cost": 64, "none": 2 * self.trials}
        return self.candidates if self.candidates is not None else usual.get(ranking, 16)

    def first_trial(self, epochs: int) -> int:
        """After how many epochs, of the final training's, trials are compared for the first time."""
        return self.trial_epochs or math.ceil(epochs / TRIAL_PART)

    def check(self, strategy: Searching) -> None:
        """Raises: UsageError for scoring or ranking by a supernet that the strategy does not train, for one that goes
        by trials without any, and for evolution without a child."""
        if self.scoring != "probability" and not strategy.trains_supernet:
            raise UsageError(f"scoring {self.scoring} asks the trained supernet; this strategy trains none",
                             "--set search.scoring=probability, or another --strategy")
        if self.ranking in ("validation", "both") and strategy.tries and not strategy.trains_supernet:
            raise UsageError(f"ranking {self.ranking} asks the trained supernet; this strategy trains none",
                             "--set search.ranking=zero_cost, or another --strategy")
        if self.trials == 0 and not strategy.ranks:
            raise UsageError("search.trials is 0, and this strategy chooses by nothing but trials",
                             "--set search.trials=8, or --strategy random")
        if self.scoring == "evolution" and self.tried("validation") <= self.population:
            raise UsageError(f"evolution tries {self.tried('validation')} candidates, of which {self.population} are "
                             "its first population: that leaves no child",
                             f"--set search.candidates={4 * self.population}, or a smaller search.population")
