"""Evolution on a trained supernet: what sampling from the learned distributions is compared with.

Regularised evolution (Real, Aggarwal, Huang, Le; AAAI 2019, arXiv:1802.01548, algorithm 1) with accuracies of the
supernet's weights, as Once-for-All searches (arXiv:1908.09791): of the latest networks a few are drawn, the best of
these gets a mutated child, and the oldest dies. What the strategy learned has no say.

Where we differ: children are made by the integer program, so that each one holds every budget and what the space asks,
where the authors' are drawn again until one does; and each is another network than all before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from edgenas.search.decode import Constraint, Scores, decode, even
from edgenas.search.relaxation import gumbel
from edgenas.selection.sampling import perturbed
from edgenas.space.architecture import Architecture

Evaluate = Callable[[Architecture], float]

TOURNAMENT = 0.25  # of the population
DRAWS = 10  # of a child, before those that are known are forbidden
KEPT = 100.0  # bonus of a parent's pick, above any noise: as few of them change as the budgets allow


def evolved(scores: Scores, constraints: Sequence[Constraint], evaluate: Evaluate, count: int, population: int,
            mutation: float, generator: torch.Generator,
            advance: Callable[[str], None]) -> list[tuple[Architecture, float]]:
    """Up to `count` distinct networks within the constraints and their figures, in the order they were tried; fewer
    where there are no more.

    scores: their keys say what may be picked. population: how many are drawn at random first, and how many live.
    mutation: the chance of each choice to be drawn anew.
    """
    level = even(scores)
    tried: dict[Architecture, float] = {}
    while len(tried) < count:
        draw = partial(perturbed, level, generator)
        if len(tried) >= population:
            parent = fittest(list(tried.items())[-population:], generator)
            draw = partial(mutated, level, parent, mutation, generator)
        found = new(draw, constraints, tried)
        if found is None:
            break
        tried[found] = evaluate(found)
        advance(f"validation {tried[found]:.1%}, best {max(tried.values()):.1%}")
    return list(tried.items())


def new(draw: Callable[[], Scores], constraints: Sequence[Constraint],
        known: dict[Architecture, float]) -> Architecture | None:
    """The best network by drawn scores that is not known; None if all are."""
    for _ in range(DRAWS):
        found = decode(draw(), constraints)
        if found is None or found not in known:
            return found
    return decode(draw(), constraints, exclude=known)


def fittest(living: Sequence[tuple[Architecture, float]], generator: torch.Generator) -> Architecture:
    """The best of a random quarter."""
    drawn: list[int] = torch.randperm(len(living), generator=generator).tolist()
    competing = [living[i] for i in drawn[:max(1, round(TOURNAMENT * len(living)))]]
    return max(competing, key=lambda pair: pair[1])[0]


def mutated(even: Scores, parent: Architecture, chance: float, generator: torch.Generator) -> Scores:
    """Scores whose best network has the parent's picks, but of some choices, at least one, any other.

    The new picks count twice what the parent's do: where they do not fit the budgets, the program takes back as few of
    the parent's as will do.
    """
    changes = torch.rand(len(even), generator=generator) < chance
    changes[int(torch.randint(len(even), (), generator=generator))] = True
    found = {}
    for (choice, row), changed in zip(even.items(), changes.tolist(), strict=True):
        noise = dict(zip(row, gumbel(torch.zeros(len(row)), generator).tolist(), strict=True))
        others = [name for name in row if name != parent[choice]]
        kept = max(others, key=noise.__getitem__) if changed and others else parent[choice]
        found[choice] = {name: added + KEPT * (1 + changed) * (name == kept) for name, added in noise.items()}
    return found
