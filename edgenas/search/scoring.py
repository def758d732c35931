"""Scoring by supernet validation: try sampled architectures with the shared weights before one is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.relaxation import gumbel
from edgenas.space.architecture import Architecture

Evaluate = Callable[[Architecture], float]


def sample(scores: Scores, constraints: Sequence[Constraint], count: int,
           generator: torch.Generator) -> list[Architecture]:
    """Up to `count` distinct architectures within the constraints, the best-scored one first.

    Perturb and maximise (Papandreou and Yuille, ICCV 2011): Gumbel noise on every candidate's log-probability, then the
    integer program. Without constraints that samples the choices' distributions exactly; with them, it is a sample
    from near those distributions that holds the budgets and uses them.
    """
    found: dict[Architecture, None] = {}
    for number in range(count):
        architecture = decode(perturbed(scores, generator) if number else scores, constraints)
        if architecture is not None:
            found[architecture] = None
    return list(found)


def perturbed(scores: Scores, generator: torch.Generator) -> Scores:
    """The scores with Gumbel noise on each."""
    noise = {choice: gumbel(torch.zeros(len(row)), generator).tolist() for choice, row in scores.items()}
    return {choice: {name: value + added for (name, value), added in zip(row.items(), noise[choice], strict=True)}
            for choice, row in scores.items()}


def favour(scores: Scores, architecture: Architecture) -> Scores:
    """Scores under which `architecture` is the best of all, and those that share the most picks with it come next.

    The bonus of a shared pick is above any difference of scores, so the original scores decide among equals.
    """
    values = [value for row in scores.values() for value in row.values()]
    bonus = (max(values) - min(values)) * len(scores) + 1.0
    return {choice: {name: value + bonus * (architecture[choice] == name) for name, value in row.items()}
            for choice, row in scores.items()}


def validated(scores: Scores, architectures: Sequence[Architecture], evaluate: Evaluate,
              advance: Callable[[str], None]) -> tuple[Scores, list[tuple[Architecture, float]]]:
    """Scores that favour the architecture that `evaluate` likes best, and the figures of all that were tried."""
    tried = []
    for architecture in architectures:
        tried.append((architecture, evaluate(architecture)))
        advance(f"validation {tried[-1][1]:.1%}")
    return preferred(scores, tried), tried


def preferred(scores: Scores, tried: Sequence[tuple[Architecture, float]]) -> Scores:
    """Scores that favour what did best; of equals the first. As they are, where nothing was tried."""
    return favour(scores, max(tried, key=lambda pair: pair[1])[0]) if tried else scores
