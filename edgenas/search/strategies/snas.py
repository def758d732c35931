"""SNAS: Stochastic Neural Architecture Search (Xie, Zheng, Liu, Lin; ICLR 2019, arXiv:1812.09926).

Every choice samples from a concrete distribution (eq. 4) whose temperature is annealed towards zero; one backward pass
on the training loss updates weights and architecture (eq. 5-6), with no held-out set.

Where we differ: the resource term of eq. 8 with its weight is replaced by learned multipliers (see multiplier.py), for
a cost that is linear in the samples as in section 2.4; the temperature falls from 5 to 0.2 over the search whatever
its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgenas.search.relaxation import GumbelSoftmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import single_level
from edgenas.train.schedule import Exponential


@dataclass(frozen=True)
class Snas(Strategy):
    summary: ClassVar[str] = "Gumbel-softmax samples, weights and architecture in one backward pass"
    paper: ClassVar[str] = "Xie et al., ICLR 2019, arXiv:1812.09926"

    temperature: Exponential = Exponential(start=5.0, end=0.2)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return single_level(state, GumbelSoftmax(self.temperature.at(progress)), batch)


STRATEGY = Snas
