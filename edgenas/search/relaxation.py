"""Relaxations: architecture parameters -> path weights for one forward pass.

All work on `logits` of shape (choices, candidates), -inf where a choice has no such candidate.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Paths:
    """weights: (choices, candidates), differentiable in the logits. active: (choices, k) indices that are computed,
    those that are named twice once.

    With `single`, the one active candidate is taken as it is, without a weight. derived: (choices,) indices; where a
    choice has several places, all but the last take this candidate as it is, whatever the weights.
    """

    weights: Tensor
    active: Tensor
    single: bool = False
    derived: Tensor | None = None


class Relaxation(ABC):
    @abstractmethod
    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        """Path weights for one forward pass."""


@dataclass(frozen=True)
class Softmax(Relaxation):
    """The mixed operation (DARTS, arXiv:1806.09055, eq. 2): weights = softmax(logits), all candidates are computed."""

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        return Paths(torch.softmax(logits, dim=1), torch.arange(logits.shape[1]).expand(logits.shape))


@dataclass(frozen=True)
class GumbelSoftmax(Relaxation):
    """The concrete distribution (Maddison et al., arXiv:1611.00712; Jang et al., arXiv:1611.01144).

    weights = softmax((logits + Gumbel noise) / temperature): all candidates are computed; as the temperature
    goes to 0 the weights become one-hot samples of softmax(logits).
    """

    temperature: float

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        weights = torch.softmax((logits + gumbel(logits, generator)) / self.temperature, dim=1)
        return Paths(weights, torch.arange(logits.shape[1]).expand(logits.shape))


@dataclass(frozen=True)
class BinaryGates(Relaxation):
    """Two sampled paths and a binary gate between them (ProxylessNAS, arXiv:1812.00332, section 3.2.1, eq. 4).

    Two candidates of each choice are drawn from softmax(logits) without replacement; one of them, drawn by their
    renormalised probabilities, gets the gate 1, the other 0. Both are computed, so that the gate's gradient exists.
    The backward pass treats the gates as the renormalised probabilities.
    """

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        two = (logits.detach() + gumbel(logits, generator)).topk(2, dim=1).indices
        pair = torch.softmax(logits.gather(1, two), dim=1)
        first = (pair.detach().log() + gumbel(pair, generator)).argmax(dim=1, keepdim=True)
        gates = torch.zeros_like(pair).scatter(1, first, 1.0) + pair - pair.detach()
        return Paths(torch.zeros_like(logits).scatter(1, two, gates), two)


@dataclass(frozen=True)
class SinglePath(Relaxation):
    """One candidate per choice, drawn from softmax(logits), or uniformly; nothing flows to the logits."""

    uniform: bool = False

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        logits = logits.detach()
        if self.uniform:
            logits = torch.where(torch.isinf(logits), logits, torch.zeros_like(logits))
        one = (logits + gumbel(logits, generator)).argmax(dim=1, keepdim=True)
        return Paths(torch.zeros_like(logits).scatter(1, one, 1.0), one, single=True)


@dataclass(frozen=True)
class Given(Relaxation):
    """These path weights (choices, candidates), whatever the logits. active: what is computed, where not everything."""

    weights: Tensor
    active: Tensor | None = None

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        every = torch.arange(logits.shape[1]).expand(logits.shape)
        return Paths(self.weights, every if self.active is None else self.active)


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise of the shape of `like`: the argmax of logits + noise is a sample of softmax(logits),
    the k largest are k samples without replacement (Kool et al., arXiv:1903.06059).

    Drawn on the CPU, so that a seed gives the same paths on every device.
    """
    uniform = torch.rand(like.shape, generator=generator).clamp_(1e-20, 1 - 1e-7)
    return (-torch.log(-torch.log(uniform))).to(like.device)
