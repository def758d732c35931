"""Collapse: a search that ends up with little but parameter-free candidates, or that decides nothing.

What counts is what the architecture learned, the prices of the budgets aside: a tight budget may well be met by skips.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgenas.search.history import SearchEpoch
from edgenas.search.state import SearchState
from edgenas.space.choice import places_of

DOMINANT = 0.75  # of the probability mass; half of it is where DARTS's eight operators start
PICKED = 0.5  # of the choices
UNDECIDED = 0.98  # of the first epoch's entropy
EPOCHS = 3  # fewer say nothing about a trend


def parameter_free(state: SearchState) -> Tensor:
    """(choices, candidates) bool: allowed candidates without a parameter, in the choices that have both kinds."""
    mask = state.parameters.mask
    free = torch.zeros_like(mask)
    for row, (choice, *_) in enumerate(places_of(state.network).values()):
        for column, candidate in enumerate(choice.candidates.values()):
            free[row, column] = next(candidate.parameters(), None) is None
    free &= mask
    both = free.any(1) & (mask & ~free).any(1)
    return free & both[:, None]


@torch.no_grad()
def share(state: SearchState) -> float:
    """Mean probability of being parameter-free over the choices that may or may not be; 0 where there is none."""
    free = parameter_free(state)
    rows = free.any(1)
    return float((torch.softmax(state.parameters.logits, 1) * free).sum(1)[rows].mean()) if rows.any() else 0.0


@torch.no_grad()
def picked(state: SearchState) -> float:
    """Share of the same choices whose likeliest candidate is parameter-free."""
    free = parameter_free(state)
    rows = free.any(1)
    best = state.parameters.logits.argmax(1, keepdim=True)
    return float(free.gather(1, best)[rows].float().mean()) if rows.any() else 0.0


def warnings(state: SearchState, history: Sequence[SearchEpoch]) -> list[str]:
    """What is wrong with the search and what helps, in sentences for the user."""
    found = []
    mass, picks = share(state), picked(state)
    if mass > DOMINANT or picks > PICKED:
        found.append(f"the search collapsed: candidates without parameters hold {mass:.0%} of the probability and are "
                     f"the likeliest in {picks:.0%} of the choices that have one. Try --strategy darts_minus, "
                     "or noisy_darts, or --set search.scoring=perturbation")
    if len(history) >= EPOCHS and history[-1].entropy > UNDECIDED * history[0].entropy > 0:
        found.append(f"the search decided little: the entropy of its choices went from {history[0].entropy:.3f} to "
                     f"{history[-1].entropy:.3f} of the largest. Try more epochs (--set search.epochs=) or a larger "
                     "--set architecture_travel=")
    return found
