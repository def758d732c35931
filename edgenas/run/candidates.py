"""Architectures within the budgets that are tried before one is taken: first all, without training, then the best."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from edgenas.checkpoint import epoch_generator
from edgenas.cost.model import CostModel
from edgenas.errors import UsageError
from edgenas.progress import Progress
from edgenas.run.folder import Run
from edgenas.run.limits import well_used
from edgenas.search.decode import Constraint
from edgenas.search.evolution import evolved
from edgenas.search.figures import Untrained, asking
from edgenas.search.ranking import ranked
from edgenas.search.scoring import sample
from edgenas.search.search import SearchResult
from edgenas.search.trial import trial_loss
from edgenas.search.zero_cost import MEASURES
from edgenas.space import Architecture

TRIAL_PART = 6  # of the final training
UNMEASURED = ("this space has no two blocks that give feature maps: zero-cost measures say nothing of its networks, "
              "which are ranked by multiply-accumulates alone; --set search.ranking=validation asks the supernet")
Tried = dict[Architecture, dict[str, float]]


class Candidates:
    """Of one search. tried: the figures by which each was ranked: the supernet's accuracy on validation images,
    zero-cost measures, or both. trial_losses: of those that were trained a little."""

    def __init__(self, run: Run, result: SearchResult, progress: Progress) -> None:
        self.run, self.result, self.progress = run, result, progress
        self.tried: Tried = {}
        self.trial_losses: dict[Architecture, float] = {}

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
        order = ranked(found)
        return [*self.by_trial(order[:asked.trials]), *order[asked.trials:]]

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

    def by_trial(self, best: list[Architecture]) -> list[Architecture]:
        """The same architectures, those first that learn fastest; a single one has nobody to be compared with."""
        new = [a for a in best if a not in self.trial_losses] if len(best) > 1 else []
        if not new:
            return best
        asked = self.run.config
        epochs = asked.search.trial_epochs or math.ceil(asked.train.epochs / TRIAL_PART)
        self.progress.start("trial trainings", len(new) * epochs)
        for architecture in new:
            self.trial_losses[architecture] = self.trial_loss(architecture, epochs)
        return sorted(best, key=lambda a: self.trial_losses[a])

    def trial_loss(self, architecture: Architecture, epochs: int) -> float:
        """Infinite, and said so, of a network whose training diverged: it is the last to be taken."""
        run = self.run
        try:
            return trial_loss(run.space, architecture, run.task, run.config.train, epochs, run.config.seed, run.fabric,
                              self.folder, self.progress.advance)
        except UsageError as error:
            self.progress.say(f"trial training of a candidate: {error.message}")
            return math.inf

    @property
    def folder(self) -> Path:
        return self.run.folder / "search" / "trials"

    def clear(self) -> None:
        """Remove the checkpoints of trial trainings: they are for searches that were interrupted."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def figures(self) -> list[dict[str, Any]]:
        """What is known of each that was tried, as a file keeps it; None is what could not be measured."""
        return [{"architecture": dict(a), **{name: value if math.isfinite(value) else None for name, value in (
            figures | ({"trial_loss": self.trial_losses[a]} if a in self.trial_losses else {})).items()}}
            for a, figures in self.tried.items()]
