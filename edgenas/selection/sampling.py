"""Architectures sampled from scores, to be tried before one is taken, and scores that favour one of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.relaxation import gumbel
from edgenas.space.architecture import Architecture

FLATTENED = 1.1
FLATTEST = 1e4  # log-probabilities are nothing beside it; HiGHS takes scores of 1e20 for infinite
IDLE_DRAWS = 60


def sample(scores: Scores, constraints: Sequence[Constraint], count: int,
           generator: torch.Generator) -> list[Architecture]:
    """`count` distinct architectures within the constraints, the best-scored one first; fewer where there are no more.

    Perturb and maximise (Papandreou and Yuille, ICCV 2011): Gumbel noise on every candidate's log-probability, then the
    integer program. Without constraints that samples the choices' distributions exactly; with them, it is a sample
    from near those distributions that holds the budgets and uses them. Each draw that brings nothing new makes the
    noise larger by a tenth, which is to flatten the distributions.
    """
    found: dict[Architecture, None] = {}
    scale, idle = 1.0, 0
    while len(found) < count and idle < IDLE_DRAWS:
        architecture = decode(perturbed(scores, generator, scale) if found else scores, constraints)
        if architecture is None:
            break
        idle = idle + 1 if architecture in found else 0
        scale = min(scale * FLATTENED, FLATTEST) if idle else scale
        found[architecture] = None
    return list(found)


def perturbed(scores: Scores, generator: torch.Generator, scale: float = 1.0) -> Scores:
    """The scores with Gumbel noise of that scale on each."""
    noise = {choice: gumbel(torch.zeros(len(row)), generator).tolist() for choice, row in scores.items()}
    return {choice: {name: value + scale * added
                     for (name, value), added in zip(row.items(), noise[choice], strict=True)}
            for choice, row in scores.items()}


def favour(scores: Scores, architecture: Architecture) -> Scores:
    """Scores under which `architecture` is the best of all, and those that share the most picks with it come next.

    The bonus of a shared pick is above any difference of scores, so the original scores decide among equals.
    """
    values = [value for row in scores.values() for value in row.values()]
    bonus = (max(values) - min(values)) * len(scores) + 1.0
    return {choice: {name: value + bonus * (architecture[choice] == name) for name, value in row.items()}
            for choice, row in scores.items()}
