"""Architectures within the budgets that are tried before one is taken; nothing is trained for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from edgenas.checkpoint import epoch_generator
from edgenas.cost.model import CostModel, exact_model
from edgenas.data.task import Split
from edgenas.progress import Progress
from edgenas.run.folder import Run
from edgenas.run.limits import well_used
from edgenas.search.evolution import evolved
from edgenas.search.scoring import sample
from edgenas.search.search import SearchResult
from edgenas.search.zero_cost import IMAGES, MEASURES, blocks_of, measures_of
from edgenas.space import Architecture, follow
from edgenas.training import accuracy, recalibrate, to_device

VALIDATION_IMAGES = 1000
UNMEASURED = ("this space has no two blocks that give feature maps: zero-cost measures say nothing of its networks, "
              "which are ranked by multiply-accumulates alone; --set search.ranking=validation asks the supernet")
Tried = dict[Architecture, dict[str, float]]


def try_candidates(run: Run, result: SearchResult, models: Mapping[str, CostModel], progress: Progress) -> Tried:
    """The figures by which the run ranks architectures that `models` predict to hold the budgets, sampled from the
    scores or evolved: the supernet's accuracy on validation images, zero-cost measures, or both."""
    asked = run.config.search
    ranking = "validation" if asked.scoring == "evolution" else asked.ranked_by(run.space, run.strategy)
    count = asked.tried(ranking)
    constraints = well_used(result.scores, models, run.budgets)
    generator = epoch_generator(run.config.seed, 0, "candidates")
    if asked.scoring == "evolution":
        progress.start("evolve candidates", count)
        with asking(run, result.supernet) as validation:
            evolution = evolved(result.scores, constraints, validation, count, asked.population, asked.mutation,
                                generator, progress.advance)
        return {architecture: {"validation": found} for architecture, found in evolution}
    if not run.strategy.tries:
        return {}
    found: Tried = {a: {} for a in sample(result.scores, constraints, count, generator)}
    if ranking != "validation":
        measure(run, found, progress)
    if ranking != "zero_cost":
        validate(run, result.supernet, found, progress)
    return found


def validate(run: Run, supernet: nn.Module, found: Tried, progress: Progress) -> None:
    """Add each network's accuracy with the supernet's weights."""
    progress.start("validate candidates", len(found))
    with asking(run, supernet) as validation:
        for architecture, figures in found.items():
            figures["validation"] = validation(architecture)
            progress.advance(f"validation {figures['validation']:.1%}")


@contextmanager
def asking(run: Run, supernet: nn.Module) -> Iterator[Callable[[Architecture], float]]:
    """A function that gives an architecture's accuracy on validation images with the supernet's weights."""
    supernet = supernet.to(run.fabric.device)
    part = Split(run.task.validation.images[:VALIDATION_IMAGES], run.task.validation.labels[:VALIDATION_IMAGES])

    def validation(architecture: Architecture) -> float:
        follow(supernet, architecture)
        recalibrate(supernet, run.task.train, run.task, run.fabric, images=VALIDATION_IMAGES)
        return accuracy(supernet, part, run.task, run.fabric)

    with run.strategy.passes(supernet, 1.0):
        yield validation


def measure(run: Run, found: Tried, progress: Progress) -> None:
    """Add the zero-cost measures of each network, and its multiply-accumulates."""
    progress.start("measure candidates", len(found))
    blocks, macs = blocks_of(run.space), exact_model(run.space, "macs")
    images = to_device(run.task.normalise(run.task.train.images[:IMAGES]), run.fabric)
    for architecture, figures in found.items():
        generator = epoch_generator(run.config.seed, 0, "zero-cost")
        torch.manual_seed(generator.initial_seed())  # for what is drawn anywhere else, such as dropout
        network = run.space.build(architecture).to(run.fabric.device)
        figures |= measures_of(network, blocks, images, generator)
        figures["macs"] = macs.predict(architecture)
        progress.advance("")
    if found and not any(math.isfinite(figures[MEASURES[0]]) for figures in found.values()):
        progress.say(UNMEASURED)
