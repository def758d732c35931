"""Candidates scored by a coin: what a search that learns nothing finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from edgenas.search.decode import Scores
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy


@dataclass(frozen=True)
class Coin(Strategy):
    """heads: the score of a choice's first candidate; all others have none."""

    summary: ClassVar[str] = "The first candidate of every choice, or the last"
    paper: ClassVar[str] = "none"
    trains_supernet: ClassVar[bool] = False
    tries: ClassVar[bool] = False
    inherits: ClassVar[bool] = False

    heads: float = 1.0

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        return {}

    def scores(self, state: SearchState) -> Scores:
        return {choice: {name: self.heads * (i == 0) for i, name in enumerate(row)}
                for choice, row in state.parameters.scores().items()}


STRATEGY = Coin
