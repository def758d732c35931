"""DrNAS: Dirichlet Neural Architecture Search (Chen, Wang, Cheng, Tang, Hsieh; ICLR 2021, arXiv:2006.10355).

Every choice computes the mixture of all its candidates with weights drawn from a Dirichlet distribution of
concentrations ELU(β) + 1 (section 2.2); β learns on held-out data by pathwise gradients through the samples, and is
kept near its anchor, at which all of the simplex is equally likely, by λ times its distance from it. Architecture and
weights take turns as in DARTS of first order.

Where we differ: no progressive scheme of partial channels (section 3). The distance is the KL divergence. The
architecture's logits are the logarithms of the concentrations, whose softmax is the Dirichlet's mean: by that mean
candidates are scored (the authors take the largest concentration: the same) and costs are expected. The multipliers
(see multiplier.py) tilt the mean and leave the sum of a choice's concentrations, so its spread, as learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from edgenas.search.dirichlet import Dirichlet, distance_to_flat, log_concentration
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_gradient, learn_architecture, weight_step


@dataclass(frozen=True)
class Drnas(Strategy):
    """anchoring: the paper's λ."""

    summary: ClassVar[str] = "mixtures drawn from a learned Dirichlet distribution, bi-level"
    paper: ClassVar[str] = "Chen et al., ICLR 2021, arXiv:2006.10355"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    anchoring: Annotated[float, Ge(0)] = 1e-3

    def link(self, values: Tensor) -> Tensor:
        return log_concentration(values)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        architecture_gradient(state, relaxation(state), held)
        values = state.parameters.values
        (pull,) = torch.autograd.grad(self.anchoring * distance_to_flat(state.parameters.logits).sum(), values)
        assert values.grad is not None
        values.grad += pull
        learn_architecture(state)
        return weight_step(state, relaxation(state), batch)


def relaxation(state: SearchState) -> Dirichlet:
    return Dirichlet(state.parameters.logits.exp().sum(1, keepdim=True))


STRATEGY = Drnas
