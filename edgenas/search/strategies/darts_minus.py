"""DARTS- (Chu, Wang, Zhang, Lu, Wei, Yan; ICLR 2021, arXiv:2009.01027): DARTS with an auxiliary skip.

A skip both competes with the other candidates and, like a residual connection, helps the supernet to train. Every
choice therefore gets β times its input added to its output: that does the helping, and a skip candidate competes for
what it is worth by itself. β falls linearly from 1 to 0 over the search, so that nothing of it remains.

Where we differ: a choice that changes its input's shape gets no auxiliary skip, as no skip competes there (the
authors' cells have a strided, convolutional skip, as a candidate and as an auxiliary). For the rest see darts.py,
order 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from edgenas.search.bilevel import first_order
from edgenas.search.regulariser import auxiliary_skip
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class DartsMinus(Strategy):
    """skip: the auxiliary skip's β at the start."""

    summary: ClassVar[str] = "DARTS with an auxiliary skip that fades, so that skips win on merit alone"
    paper: ClassVar[str] = "Chu et al., ICLR 2021, arXiv:2009.01027"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    skip: Annotated[float, Gt(0)] = 1.0

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        with auxiliary_skip(state.supernet, self.skip * (1 - progress)):
            return first_order(state, batch, held)


STRATEGY = DartsMinus
