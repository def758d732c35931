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

from annotated_types import Gt, Lt

from edgenas.search.relaxation import SinglePath
from edgenas.search.state import Batch, SearchState
from edgenas.search.straight_through import HardGumbelSoftmax
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


STRATEGY = Gdas
