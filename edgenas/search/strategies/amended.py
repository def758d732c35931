"""Amended DARTS (Bi, Hu, Xie, Chen, Wei, Tian; arXiv:1910.11831): DARTS with an amended second-order term.

At the best weights the architecture's true gradient has a term −∇²_{α,w} L_train · H⁻¹ · ∇_w L_val, by the implicit
function theorem, which DARTS leaves out (order 1) or takes with the identity for H⁻¹ (order 2). No one can invert H,
the Hessian of L_train; with η H for H⁻¹ the term still points within 90° of the true one. η = 0.1 is the authors'.
Both products are central differences.

Where we differ: the architecture learns on data that no weight step sees (the authors give both all data); supernet
and final training keep our settings (the authors make them equal). For the rest see darts.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from edgenas.search.bilevel import amended
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class Amended(Strategy):
    """coefficient: the paper's η."""

    summary: ClassVar[str] = "DARTS with an amended second-order term, about five times the cost"
    paper: ClassVar[str] = "Bi et al., arXiv:1910.11831"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    coefficient: Annotated[float, Gt(0)] = 0.1

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        return amended(state, batch, held, self.coefficient)


STRATEGY = Amended
