"""DARTS: Differentiable Architecture Search (Liu, Simonyan, Yang; ICLR 2019, arXiv:1806.09055).

Every choice computes the softmax-weighted sum of all its candidates (eq. 2). Architecture and weights take turns
(algorithm 1): the architecture on held-out data, at the weights as they are (order 1, ξ = 0) or after their next step
(order 2, eq. 7 with the finite differences of eq. 8).

Where we differ: ξ is not a rate of its own; the unrolled step is the very step that the weights' optimiser is about to
make, with its momentum, weight decay and clipping (see bilevel.py). The architecture has no weight decay. Batch
statistics of the unrolled passes are not kept. Decoding is the integer program's, not the largest weight's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le, Lt

from edgenas.search.bilevel import first_order, second_order
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class Darts(Strategy):
    """order: 1, or 2 for the gradient through the weights' next step, at about four times the cost."""

    summary: ClassVar[str] = "softmax-weighted sum of all candidates, bi-level, first or second order"
    paper: ClassVar[str] = "Liu et al., ICLR 2019, arXiv:1806.09055"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    order: Annotated[int, Ge(1), Le(2)] = 1

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        return first_order(state, batch, held) if self.order == 1 else second_order(state, batch, held)


STRATEGY = Darts
