"""Zero-cost search: random architectures within the budgets, ranked by what they say of themselves untrained.

AZ-NAS (Lee and Ham, CVPR 2024, arXiv:2403.19232); the measures are in zero_cost.py, their aggregation in ranking.py.

Where we differ: architectures are sampled, where the authors evolve them. What every strategy that trains a supernet
must beat, as its candidates are ranked in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from edgenas.search.decode import Scores
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class ZeroCost(Strategy):
    summary: ClassVar[str] = "random architectures within the budgets, ranked untrained; trains no supernet"
    paper: ClassVar[str] = "Lee and Ham, CVPR 2024, arXiv:2403.19232"
    trains_supernet: ClassVar[bool] = False

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return {}

    def scores(self, state: SearchState) -> Scores:
        with torch.no_grad():
            state.parameters.values.zero_()
        return super().scores(state)


STRATEGY = ZeroCost
