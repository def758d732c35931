"""GAEA: Geometry-Aware Gradient Algorithms for NAS (Li, Khodak, Balcan, Talwalkar; ICLR 2021, arXiv:2004.07802).

Every choice computes the mixture θ of all its candidates, θ a point of the simplex, learned by exponentiated gradient:
θ <- θ · exp(−η ∂L/∂θ) / Z, alternating with the weights' SGD. Unlike a gradient through a softmax, it
does not fade as a candidate's share does; so mixtures become sparse, and little is lost when one candidate is decoded.
With data held out for the architecture it is the authors' bi-level form, with `architecture_share=0` their single-level
one (empirical risk minimisation).

Where we differ: θ is kept as logits, whose step −η ∂L/∂θ is the same; η is one over the search's length, for the same
total at any; the multipliers tilt the mixture (see multiplier.py). Under a penalty on the expected cost instead of them
(`search.penalty=proxyless_…`), the cost's own gradient is still that through a softmax.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_gradient, weight_step


@dataclass(frozen=True)
class Gaea(Strategy):
    """architecture_travel: how far a gradient of 1 moves a logit over the whole search: η times the number of steps.
    The authors' 0.1 adds up to 500 to 1000."""

    summary: ClassVar[str] = "mixture of all candidates learned by exponentiated gradient: sparse"
    paper: ClassVar[str] = "Li et al., ICLR 2021, arXiv:2004.07802"

    architecture_travel: Annotated[float, Gt(0)] = 500.0
    architecture_share: Annotated[float, Ge(0), Lt(1)] = 0.5

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        (group,) = state.architecture_optimizer.param_groups
        exponentiated_step(state, batch if held is None else held, group["lr"])
        return weight_step(state, Simplex(), batch)


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


STRATEGY = Gaea
