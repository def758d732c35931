"""Exponentiated gradient: mirror descent on the simplex of the path weights, by the entropy's geometry."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.update import architecture_gradient


@dataclass(frozen=True)
class Simplex(Relaxation):
    """The mixture θ = softmax(logits) of all candidates, whose gradient in the logits is set to ∂L/∂θ itself.

    A step of the logits along it is then one of exponentiated gradient: θ <- θ · exp(−η ∂L/∂θ) / Z.
    """

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        finite = torch.where(torch.isinf(logits), 0.0, logits)
        weights = torch.softmax(logits.detach(), dim=1) + (finite - finite.detach())
        return Paths(weights, torch.arange(logits.shape[1]).expand(logits.shape))


def exponentiated_step(state: SearchState, batch: Batch, rate: float) -> None:
    """θ <- θ · exp(−rate · ∂L/∂θ) / Z, for all choices (GAEA, arXiv:2004.07802)."""
    architecture_gradient(state, Simplex(), batch)
    state.average_architecture_gradient()
    values = state.parameters.values
    assert values.grad is not None
    with torch.no_grad():
        values.sub_(rate * values.grad)
    state.multipliers.ascend(state.parameters.logits)
