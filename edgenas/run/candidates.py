"""Architectures within the budgets that are tried before one is taken; nothing is trained for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from edgenas.checkpoint import epoch_generator
from edgenas.cost.model import CostModel
from edgenas.progress import Progress
from edgenas.run.folder import Run
from edgenas.run.limits import well_used
from edgenas.search.decode import Constraint
from edgenas.search.evolution import evolved
from edgenas.search.figures import Untrained, asking
from edgenas.search.ranking import ranked
from edgenas.search.scoring import sample
from edgenas.search.search import SearchResult
from edgenas.search.zero_cost import MEASURES
from edgenas.space import Architecture

UNMEASURED = ("this space has no two blocks that give feature maps: zero-cost measures say nothing of its networks, "
              "which are ranked by multiply-accumulates alone; --set search.ranking=validation asks the supernet")
Tried = dict[Architecture, dict[str, float]]


class Candidates:
    """Of one search. tried: the figures by which each was ranked: the supernet's accuracy on validation images,
    zero-cost measures, or both."""

    def __init__(self, run: Run, result: SearchResult, progress: Progress) -> None:
        self.run, self.result, self.progress = run, result, progress
        self.tried: Tried = {}

    @cached_property
    def untrained(self) -> Untrained:
        return Untrained(self.run.space, self.run.task, self.run.fabric, self.run.config.seed)

    def rank(self, models: Mapping[str, CostModel]) -> list[Architecture]:
        """Networks that `models` predict to hold the budgets, sampled from the scores or evolved; best first."""
        asked, constraints = self.run.config.search, well_used(self.result.scores, models, self.run.budgets)
        if asked.scoring == "evolution":
            found = self.evolved(constraints)
        elif self.run.strategy.tries:
            found = self.sampled(constraints)
        else:
            found = {}
        self.tried |= found
        return ranked(found)

    def evolved(self, constraints: list[Constraint]) -> Tried:
        asked, generator = self.run.config.search, epoch_generator(self.run.config.seed, 0, "candidates")
        count = asked.tried("validation")
        self.progress.start("evolve candidates", count)
        with asking(self.result.supernet, self.run.task, self.run.strategy, self.run.fabric) as validation:
            evolution = evolved(self.result.scores, constraints, validation, count, asked.population, asked.mutation,
                                generator, self.progress.advance)
        return {architecture: {"validation": found} for architecture, found in evolution}

    def sampled(self, constraints: list[Constraint]) -> Tried:
        ranking = self.run.config.search.ranked_by(self.run.space, self.run.strategy)
        generator = epoch_generator(self.run.config.seed, 0, "candidates")
        count = self.run.config.search.tried(ranking)
        found: Tried = {a: {} for a in sample(self.result.scores, constraints, count, generator)}
        if ranking != "validation":
            self.measure(found)
        if ranking != "zero_cost":
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
