"""NoisyDARTS (Chu, Zhang, Li; arXiv:2005.03566): DARTS with Gaussian noise on the skips.

Skips win in DARTS because information and gradients flow through them so easily. Unbiased noise, of 0.2 times the
standard deviation of what flows, makes a skip less sure of itself, and does not shift the mean gradient.

Where we differ: a skip is a candidate `nn.Identity`; the authors' strided skips, which are convolutions, have no
counterpart here. For the rest see darts.py, order 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from edgenas.search.bilevel import first_order
from edgenas.search.regulariser import noisy_skips
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class NoisyDarts(Strategy):
    """noise: its standard deviation as a share of the skipped features'."""

    summary: ClassVar[str] = "DARTS with unbiased Gaussian noise on the skips"
    paper: ClassVar[str] = "Chu et al., arXiv:2005.03566"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    noise: Annotated[float, Gt(0)] = 0.2

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        with noisy_skips(state.supernet, self.noise):
            return first_order(state, batch, held)


STRATEGY = NoisyDarts
