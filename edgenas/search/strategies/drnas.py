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
from torch.distributions import Gamma

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_gradient, learn_architecture, weight_step

SMALLEST = 1e-6  # concentration that is sampled: below it, a weight is all but always 0; nor does a gradient pass


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


@dataclass(frozen=True)
class Dirichlet(Relaxation):
    """Samples of the simplex with the mean softmax(logits); all candidates are computed.

    total: (choices, 1), the sum of each choice's concentrations: the larger, the nearer samples are to their mean.
    A sample is one of Gamma variables over their sum; its gradient by the concentrations is pathwise (implicit
    reparameterisation, Figurnov et al., arXiv:1805.08498), in float64 as small ones are needed to their last digits.
    """

    total: Tensor

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        exists = torch.isfinite(logits)
        concentrations = torch.where(exists, self.total * torch.softmax(logits, dim=1), 1.0).clamp(min=SMALLEST)
        gammas = torch.where(exists, gamma(concentrations.double(), generator), 0.0)
        weights = (gammas / gammas.sum(1, keepdim=True)).to(logits.dtype)
        return Paths(weights, torch.arange(logits.shape[1]).expand(logits.shape))


def gamma(shapes: Tensor, generator: torch.Generator) -> Tensor:
    """Differentiable samples of Gamma(shape, 1), drawn on the CPU from `generator`."""
    on_cpu = shapes.cpu()
    with torch.random.fork_rng(devices=[]):  # torch.distributions take no generator of one's own
        torch.set_rng_state(generator.get_state())
        drawn: Tensor = Gamma(on_cpu, torch.ones_like(on_cpu)).rsample()
        generator.set_state(torch.get_rng_state())
    return drawn.to(shapes.device)


def log_concentration(values: Tensor) -> Tensor:
    """log(ELU(value) + 1)."""
    return torch.where(values > 0, torch.log1p(values.clamp(min=0)), values)


def distance_to_flat(logarithms: Tensor) -> Tensor:
    """KL divergence of each choice's Dirichlet from that of concentrations 1, which is uniform on the simplex.

    logarithms: (choices, candidates), of the concentrations; -inf where there is no candidate.
    """
    exists = torch.isfinite(logarithms)
    concentrations = torch.where(exists, logarithms, 0.0).exp()
    total = (concentrations * exists).sum(1, keepdim=True)
    surplus = (concentrations - 1) * (torch.digamma(concentrations) - torch.digamma(total))
    return (surplus.sum(1) + torch.lgamma(total)[:, 0] - torch.lgamma(concentrations).sum(1)
            - torch.lgamma(exists.sum(1).to(total.dtype)))


STRATEGY = Drnas
