"""Path weights from a Dirichlet distribution, whose concentrations learn through its samples."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Gamma

from edgenas.search.relaxation import Paths, Relaxation

SMALLEST = 1e-6  # concentration that is sampled: below it, a weight is all but always 0; nor does a gradient pass


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
