"""ProxylessNAS (Cai, Zhu, Han; ICLR 2019, arXiv:1812.00332), the gradient-based form.

Weight steps follow one sampled path per choice; architecture steps compute two, through binary gates (eq. 3-4), on data
that no weight step sees. So memory and time are near a single network's, whatever the number of candidates.

Where we differ: the latency term of eq. 6 with its weight is replaced by learned multipliers (see multiplier.py); the
warm-up trains uniformly sampled paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from edgenas.search.relaxation import BinaryGates, SinglePath
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_step, weight_step


@dataclass(frozen=True)
class Proxyless(Strategy):
    summary: ClassVar[str] = "two-path binary gates: memory of one network, directly on the task"
    paper: ClassVar[str] = "Cai et al., ICLR 2019, arXiv:1812.00332"

    momentum: ClassVar[float] = 0.0  # a candidate that was not sampled must not drift

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.2
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.25

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        warming = progress < self.warmup
        log = weight_step(state, SinglePath(uniform=warming), batch)
        if not warming:
            assert held is not None
            architecture_step(state, BinaryGates(), held)
        return log


STRATEGY = Proxyless
