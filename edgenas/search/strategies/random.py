"""Random search: a random architecture within the budgets; what every other strategy must beat.

Random scores go through the same decoder, so that the budget is used as fully as any other strategy uses it. (Li and
Talwalkar, UAI 2019, arXiv:1902.07638, on why this baseline is due.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from edgenas.search.decode import Scores
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class Random(Strategy):
    summary: ClassVar[str] = "a random architecture within the budgets; trains no supernet"
    paper: ClassVar[str] = "Li and Talwalkar, UAI 2019, arXiv:1902.07638"
    trains_supernet: ClassVar[bool] = False
    tries: ClassVar[bool] = False
    spread: ClassVar[float] = 1.0  # of the scores

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return {}

    def scores(self, state: SearchState) -> Scores:
        with torch.no_grad():
            state.parameters.values.normal_(std=self.spread, generator=state.generator)
        return super().scores(state)


STRATEGY = Random
