"""What a search leaves out on its way: candidates that are unlikely, and skips beyond a limit."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgenas.search.state import SearchState
from edgenas.space.architecture import Architecture
from edgenas.space.choice import places_of
from edgenas.space.dag import graphs_of


def least_likely(state: SearchState, kept: Tensor) -> Tensor:
    """(choices, candidates) bool: all but the `kept` (choices,) likeliest of each choice, and what was dropped before.

    The candidates of the architecture that would be decoded now are among the kept.
    """
    logits = state.parameters.logits.detach()
    needed = columns(state, state.derived(state.parameters.scores()))
    ranks = logits.masked_fill(needed, torch.inf).argsort(1, descending=True).argsort(1)
    return (ranks >= kept.to(ranks.device)[:, None]) | ~state.parameters.mask


def columns(state: SearchState, architecture: Architecture) -> Tensor:
    """(choices, candidates) bool: the candidates that the architecture picks."""
    picked = torch.zeros_like(state.parameters.mask)
    for row, (choice, names) in enumerate(state.parameters.choices.items()):
        picked[row, names.index(architecture[choice])] = True
    return picked


def beyond_the_limit(state: SearchState, limit: int) -> Tensor:
    """(choices, candidates) bool: the skips of each cell but `limit`, first those that would be decoded now, of these
    the likeliest. One that has no alternative stays."""
    mask, probabilities = state.parameters.mask, torch.softmax(state.parameters.logits.detach(), 1)
    skips = skips_in(state) & mask & (mask.sum(1, keepdim=True) > 1)
    rank = ((probabilities + columns(state, state.derived(state.parameters.scores()))) * skips).sum(1).tolist()
    order, beyond = list(state.parameters.choices), torch.zeros_like(skips)
    for graph in graphs_of(state.network):
        rows = sorted((order.index(edge.choice) for edge in graph.edges), key=lambda row: -rank[row])
        beyond[rows[limit:]] = skips[rows[limit:]]
    return beyond


def skips_in(state: SearchState) -> Tensor:
    """(choices, candidates) bool: the candidates that pass their input on unchanged."""
    skips = torch.zeros_like(state.parameters.mask)
    for row, (choice, *_) in enumerate(places_of(state.network).values()):
        for column, candidate in enumerate(choice.candidates.values()):
            skips[row, column] = isinstance(candidate, nn.Identity)
    return skips
