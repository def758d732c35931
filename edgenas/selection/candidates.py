"""Architectures within the budgets that are tried before one is taken: first all, without training, then the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.progress import Progress
from edgenas.search.decode import Constraint
from edgenas.search.search import SearchResult
from edgenas.search.settings import Ranking, SearchSettings
from edgenas.search.strategy import Strategy
from edgenas.selection.evolution import evolved
from edgenas.selection.limits import FLOOR, LOW_FLOOR, well_used
from edgenas.selection.ranking import ranked
from edgenas.selection.sampling import sample
from edgenas.selection.scores import Untrained, asking
from edgenas.selection.trials import Trial, Trials, fastest, finite
from edgenas.selection.tried import TriedNetwork
from edgenas.selection.zero_cost import MEASURES
from edgenas.space import Architecture, Space
from edgenas.space.precision import int8_choices
from edgenas.train.checkpoint import epoch_generator

UNMEASURED = ("this space has no two blocks that give feature maps: zero-cost measures say nothing of its networks, "
              "which are ranked by multiply-accumulates alone; --set search.ranking=validation asks the supernet")
CHANCE = 0.01  # relative difference of two trial losses that another seed turns round
Tried = dict[Architecture, dict[str, float]]


@dataclass
class Candidates:
    """Of one search, whose result they are drawn from.

    models: as they were before anything was measured. settings: how many there are, and by what they are ranked.
    training: trials of them. keep: is handed what is known of each that was tried, whenever more is known.

    tried: the figures by which each was ranked: the supernet's accuracy on validation images, zero-cost measures, or
    both; none where nothing ranks. trials: of those that were trained a little, the longest.
    """

    space: Space
    strategy: Strategy
    result: SearchResult
    models: Mapping[str, CostModel]
    budgets: Sequence[Budget]
    settings: SearchSettings
    training: Trials
    keep: Callable[[Sequence[TriedNetwork]], object]
    tried: Tried = field(default_factory=dict)
    trials: dict[Architecture, Trial] = field(default_factory=dict)

    @cached_property
    def ranking(self) -> Ranking:
        evolves = self.settings.scoring == "evolution"
        return "validation" if evolves else self.settings.ranked_by(self.space, self.strategy)

    @property
    def progress(self) -> Progress:
        return self.training.progress

    @property
    def measures(self) -> bool:
        """Whether the ranking goes by zero-cost measures, at least in part."""
        return self.ranking in ("zero_cost", "both")

    @cached_property
    def untrained(self) -> Untrained:
        return Untrained(self.space, self.training.task, self.training.fabric, self.training.seed)

    def rank(self, models: Mapping[str, CostModel]) -> list[Architecture]:
        """Networks that `models` predict to hold the budgets, sampled from the scores or evolved; best first."""
        floor = LOW_FLOOR if self.measures else FLOOR
        constraints = well_used(self.result.scores, models, self.budgets, floor)
        if self.settings.scoring == "evolution":
            found = self.evolved(constraints)
        elif self.strategy.tries:
            found = self.sampled(constraints)
        else:
            found = {}
        self.tried |= found
        self.note()
        return distinct(ranked(found), found)

    def evolved(self, constraints: list[Constraint]) -> Tried:
        settings, generator = self.settings, epoch_generator(self.training.seed, 0, "candidates")
        count = settings.tried("validation")
        self.progress.start("evolve candidates", count)
        with asking(self.result.supernet, self.training.task, self.strategy, self.training.fabric) as validation:
            evolution = evolved(self.result.scores, constraints, validation, count, settings.population,
                                settings.mutation, generator, self.progress.advance)
        return {architecture: {"validation": found} for architecture, found in evolution}

    def sampled(self, constraints: list[Constraint]) -> Tried:
        generator, count = epoch_generator(self.training.seed, 0, "candidates"), self.settings.tried(self.ranking)
        drawn = sample(self.result.scores, constraints, count, generator)
        found: Tried = {a: {} for a in (*drawn[:1], *self.strategy.proposed(self.space, constraints),
                                        *drawn[1:])}
        if self.measures:
            self.measure(found)
        if self.ranking in ("validation", "both"):
            self.validate(found)
        return found

    def measure(self, found: Tried) -> None:
        """Add the zero-cost measures of each network, and its multiply-accumulates."""
        self.progress.start("measure candidates", len(found))
        for architecture, figures in found.items():
            figures |= self.untrained.figures(architecture)
            self.progress.advance("")
        if found and not any(math.isfinite(figures[MEASURES[0]]) for figures in found.values()):
            self.progress.say(UNMEASURED)

    def validate(self, found: Tried) -> None:
        """Add each network's accuracy with the supernet's weights."""
        self.progress.start("validate candidates", len(found))
        with asking(self.result.supernet, self.training.task, self.strategy, self.training.fabric) as validation:
            for architecture, figures in found.items():
                figures["validation"] = validation(architecture)
                self.progress.advance(f"validation {figures['validation']:.1%}")

    def fastest(self, best: Sequence[Architecture]) -> Architecture:
        """The one that learns fastest: all begin their training, the better half of them goes on, and so on."""
        found = fastest(best, self.settings, self.training.settings, self.trial_losses)
        self.note()
        return costliest(self.trials, found, self.models[self.budgets[0].metric])

    def trial_losses(self, architectures: list[Architecture], epochs: int) -> dict[Architecture, float]:
        self.progress.start("trial trainings", len(architectures) * epochs)
        found = {a: self.training.loss(self.space, a, epochs) for a in architectures}
        self.trials |= {a: Trial(loss, epochs) for a, loss in found.items()}
        return found

    def note(self) -> None:
        """Have what is known of each kept; None is what could not be measured."""
        found = {a: TriedNetwork.of(dict(a), {name: finite(value) for name, value in figures.items()})
                 for a, figures in self.tried.items()}
        self.keep([self.trials[a].noted(row) if a in self.trials else row for a, row in found.items()])


def costliest(trials: Mapping[Architecture, Trial], found: Architecture, model: CostModel) -> Architecture:
    """Of those that learned as long as `found` and, but for chance, as fast, the one that is predicted to cost most:
    all were measured to hold the budgets."""
    best = trials.get(found)
    equals = [found] if best is None else [a for a, trial in trials.items() if trial.epochs == best.epochs
                                           and trial.loss <= best.loss * (1 + CHANCE)]
    return max(equals, key=model.predict)


def distinct(order: list[Architecture], figures: Mapping[Architecture, Mapping[str, float]]) -> list[Architecture]:
    """Without those whose measures are the same as of a better one: cells can be written in several ways. Measures do
    not see precision, so networks of other precisions differ."""
    found: dict[object, Architecture] = {}
    for architecture in order:
        known = figures[architecture]
        told = MEASURES[0] in known and math.isfinite(known[MEASURES[0]])
        key = (*(f"{known[name]:.4g}" for name in MEASURES), int8_choices(architecture)) if told else architecture
        found.setdefault(key, architecture)
    return list(found.values())
