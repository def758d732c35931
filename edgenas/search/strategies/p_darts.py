"""P-DARTS: Progressive Differentiable Architecture Search (Chen, Xie, Wu, Tian; ICCV 2019, arXiv:1904.12760).

The search goes in stages, each with a supernet trained from the start. From stage to stage the supernet gets deeper,
towards the depth of the networks that are built, and every choice loses its least likely candidates: of 8, 5 and then 3
are left (search space approximation, section 3.2). As deep supernets favour skips, features that skips pass on are
dropped, at a rate that is higher in later stages and falls within each; and a cell keeps at most M skips in the end
(search space regularisation, section 3.3). Learned as `darts` of order 1, in each stage the weights alone at first.

Where we differ: the numbers of candidates and cells and the rates of dropout change in equal steps (the authors: 5, 11,
17 cells for 20, rates 0, 0.4, 0.7). The depth can grow only where the space has an option for it and networks are built
deeper (`--set build.cells=20`). A candidate of the network that would be decoded at the end of a stage stays whatever
its probability, so that the budgets can be held; dropped candidates are decoded only where nothing else holds them. The
limit on skips holds in each cell, those beyond it being dropped likewise; not in chains, where skips make networks
shorter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from edgenas.search.bilevel import first_order
from edgenas.search.decode import Scores
from edgenas.search.progressive import beyond_the_limit, least_likely
from edgenas.search.regulariser import dropped_skips
from edgenas.search.relaxation import Softmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import weight_step
from edgenas.space.space import Space

FALL = 3.0  # of the rate of dropout while the architecture learns, to exp(-3) of it


@dataclass(frozen=True)
class PDarts(Strategy):
    """rounds: the number of stages, as far as there are epochs for them. grows: the option of the space that says how
    deep it is. dropout: the last stage's rate. skips: the paper's M. warmup: part of each stage in which the weights
    learn alone (10 of the authors' 25 epochs)."""

    summary: ClassVar[str] = "DARTS in stages: deeper supernets, fewer candidates, dropped skips"
    paper: ClassVar[str] = "Chen et al., ICCV 2019, arXiv:1904.12760"

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    rounds: Annotated[int, Ge(1)] = 3
    grows: str = "cells"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.7
    skips: Annotated[int, Ge(0)] = 2
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.4

    def stages(self, epochs: int) -> int:
        return min(self.rounds, epochs)

    def staged(self, space: Space, stage: int, stages: int) -> Space:
        if self.grows not in space.grown:
            return space
        shallow, deep = space.options[self.grows], space.grown[self.grows]
        return replace(space, options={**space.options, self.grows: shallow + (deep - shallow) * stage // stages})

    def dropped(self, state: SearchState) -> Tensor:
        number, count = state.stage
        kept = [max(2, round(len(names) * (count - number - 1) / count)) for names in state.parameters.choices.values()]
        return least_likely(state, torch.tensor(kept))

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        with dropped_skips(state.supernet, self.rate(state.stage, progress)):
            if progress < self.warmup:
                return weight_step(state, Softmax(), batch)
            return first_order(state, batch, held)

    def rate(self, stage: tuple[int, int], progress: float) -> float:
        """Of dropout on skips: linear in the progress at first, then exponential, as in the authors' code."""
        number, count = stage
        highest = self.dropout * number / max(1, count - 1)
        if progress < self.warmup:
            return highest * (1 - progress)
        return highest * math.exp(-FALL * (progress - self.warmup) / (1 - self.warmup))

    def scores(self, state: SearchState) -> Scores:
        return state.parameters.scores(
            state.parameters.logits.masked_fill(beyond_the_limit(state, self.skips), -torch.inf))


STRATEGY = PDarts
