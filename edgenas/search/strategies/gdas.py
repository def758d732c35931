"""GDAS: Searching for a Robust Neural Architecture in Four GPU Hours (Dong and Yang; CVPR 2019, arXiv:1910.04465).

Every choice computes one sampled candidate: the argmax of the Gumbel-perturbed logits forward, the
Gumbel-softmax backward, the gradient passing through the sampled candidate alone. Weights and
architecture take turns on the two halves of the training data; the temperature falls linearly from 10 to
0.1. So time and memory are near a single network's, whatever the number of candidates.

Where we differ: the architecture has no weight decay; a weight step takes the sampled candidate as it is (the same
value and gradient); the architecture's own learning rate is Strategy's; decoding is the integer program's. The form
with a fixed reduction cell (GDAS-FRC) is a matter of the space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt
from torch import Tensor

from edgenas.search.relaxation import Paths, Relaxation, SinglePath, gumbel
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_gradient, learn_architecture, weight_step
from edgenas.train.schedule import Linear


@dataclass(frozen=True)
class Gdas(Strategy):
    summary: ClassVar[str] = "one sampled path, straight-through Gumbel-softmax, bi-level"
    paper: ClassVar[str] = "Dong and Yang, CVPR 2019, arXiv:1910.04465"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    temperature: Linear = Linear(start=10.0, end=0.1)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        log = weight_step(state, SinglePath(), batch)
        architecture_gradient(state, HardGumbelSoftmax(self.temperature.at(progress)), held)
        learn_architecture(state)
        return log


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


STRATEGY = Gdas
