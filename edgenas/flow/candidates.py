"""Architectures within the budgets that are tried before one is taken: first all, without training, then the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from edgenas.cost.model import CostModel
from edgenas.flow.records import Round, Search, TriedNetwork
from edgenas.flow.run import Run
from edgenas.flow.trials import Trials, fastest, finite
from edgenas.progress import Progress
from edgenas.search.decode import Constraint
from edgenas.search.search import SearchResult
from edgenas.search.settings import SearchSettings
from edgenas.selection.evolution import evolved
from edgenas.selection.figures import Untrained, asking
from edgenas.selection.limits import FLOOR, LOW_FLOOR, well_used
from edgenas.selection.ranking import ranked
from edgenas.selection.sampling import sample
from edgenas.selection.zero_cost import MEASURES
from edgenas.space import Architecture
from edgenas.space.precision import int8_choices
from edgenas.train.checkpoint import epoch_generator

UNMEASURED = ("this space has no two blocks that give feature maps: zero-cost measures say nothing of its networks, "
              "which are ranked by multiply-accumulates alone; --set search.ranking=validation asks the supernet")
CHANCE = 0.01  # relative difference of two trial losses that another seed turns round
Tried = dict[Architecture, dict[str, float]]
R = TypeVar("R", Round, TriedNetwork)


@dataclass(frozen=True)
class Trial:
    """The training loss of epoch number `epochs`; infinite where training diverged."""

    loss: float
    epochs: int

    def noted(self, record: R) -> R:
        """The record with what is known of its network by this."""
        return record.replaced(trial_loss=finite(self.loss), trial_epochs=self.epochs)


class Candidates:
    """Of one search. tried: the figures by which each was ranked: the supernet's accuracy on validation images,
    zero-cost measures, or both; none where nothing ranks. trials: of those that were trained a little, the longest."""

    def __init__(self, run: Run, result: SearchResult, progress: Progress) -> None:
        self.run, self.result, self.progress = run, result, progress
        self.tried: Tried = {}
        self.trials: dict[Architecture, Trial] = {}
        self.ranking = "validation" if self.asked.scoring == "evolution" else self.asked.ranked_by(
            run.space, run.strategy)

    @property
    def asked(self) -> SearchSettings:
        return self.run.config.search

    @property
    def measures(self) -> bool:
        """Whether the ranking goes by zero-cost measures, at least in part."""
        return self.ranking in ("zero_cost", "both")

    @property
    def training(self) -> Trials:
        return Trials(self.run, self.run.folder / "search" / "trials", self.progress)

    @cached_property
    def untrained(self) -> Untrained:
        return Untrained(self.run.space, self.run.task, self.run.fabric, self.run.config.seed)

    def rank(self, models: Mapping[str, CostModel]) -> list[Architecture]:
        """Networks that `models` predict to hold the budgets, sampled from the scores or evolved; best first."""
        floor = LOW_FLOOR if self.measures else FLOOR
        constraints = well_used(self.result.scores, models, self.run.budgets, floor)
        if self.asked.scoring == "evolution":
            found = self.evolved(constraints)
        elif self.run.strategy.tries:
            found = self.sampled(constraints)
        else:
            found = {}
        self.tried |= found
        self.note()
        return distinct(ranked(found), found)

    def evolved(self, constraints: list[Constraint]) -> Tried:
        asked, generator = self.asked, epoch_generator(self.run.config.seed, 0, "candidates")
        count = asked.tried("validation")
        self.progress.start("evolve candidates", count)
        with asking(self.result.supernet, self.run.task, self.run.strategy, self.run.fabric) as validation:
            evolution = evolved(self.result.scores, constraints, validation, count, asked.population, asked.mutation,
                                generator, self.progress.advance)
        return {architecture: {"validation": found} for architecture, found in evolution}

    def sampled(self, constraints: list[Constraint]) -> Tried:
        generator, count = epoch_generator(self.run.config.seed, 0, "candidates"), self.asked.tried(self.ranking)
        drawn = sample(self.result.scores, constraints, count, generator)
        found: Tried = {a: {} for a in (*drawn[:1], *self.run.strategy.proposed(self.run.space, constraints),
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
        with asking(self.result.supernet, self.run.task, self.run.strategy, self.run.fabric) as validation:
            for architecture, figures in found.items():
                figures["validation"] = validation(architecture)
                self.progress.advance(f"validation {figures['validation']:.1%}")

    def fastest(self, best: Sequence[Architecture]) -> Architecture:
        """The one that learns fastest: all begin their training, the better half of them goes on, and so on."""
        found = fastest(best, self.run.config, self.trial_losses)
        self.note()
        return costliest(self.trials, found, self.run.models[self.run.budgets[0].metric])

    def trial_losses(self, architectures: list[Architecture], epochs: int) -> dict[Architecture, float]:
        self.progress.start("trial trainings", len(architectures) * epochs)
        found = {a: self.training.loss(a, epochs) for a in architectures}
        self.trials |= {a: Trial(loss, epochs) for a, loss in found.items()}
        return found

    def note(self) -> None:
        """Keep what is known of each in the run's search.json; None is what could not be measured."""
        found = {a: TriedNetwork.of(dict(a), {name: finite(value) for name, value in figures.items()})
                 for a, figures in self.tried.items()}
        tried = tuple(self.trials[a].noted(row) if a in self.trials else row for a, row in found.items())
        scores = {choice: dict(row) for choice, row in self.result.scores.items()}
        Search(history=tuple(self.result.history), scores=scores, tried=tried).write(self.run.folder)


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
