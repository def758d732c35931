"""The straight-through Gumbel-softmax: one candidate is computed, yet all of its choice's logits learn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation, gumbel


@dataclass(frozen=True)
class HardGumbelSoftmax(Relaxation):
    """One-hot samples of softmax(logits) with the gradient of the Gumbel-softmax (GDAS, arXiv:1910.04465).

    weights = one-hot of the largest of p, forward, p = softmax((logits + Gumbel noise) / temperature), backward. Only
    the candidate of weight 1 is computed, so the loss's gradient is ∂L/∂weight of that one times its ∂p/∂logits.
    """

    temperature: float

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        soft = torch.softmax((logits + gumbel(logits, generator)) / self.temperature, dim=1)
        one = soft.argmax(dim=1, keepdim=True)
        hard = torch.zeros_like(soft).scatter(1, one, 1.0)
        return Paths(hard + (soft - soft.detach()), one)
