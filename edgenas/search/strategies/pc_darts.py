"""PC-DARTS: Partial Channel Connections (Xu, Xie, Zhang, Chen, Qi, Tian, Xiong; ICLR 2020, arXiv:1907.05737).

Every choice sends 1/K of its channels through its candidates and lets the others pass by (eq. 2), so that a step takes
about 1/K of the memory of `darts`, and less time; all channels are shuffled afterwards. What is noisier by this is
steadied by edge normalisation: each edge of a cell gets a learned weight, by a softmax over the edges into the same
node (eq. 3). Learned as `darts` of order 1, the weights alone at first.

Where we differ: a fixed part of the channels, as in the authors' code (their text samples it); see partial.py for
choices that cannot be split. An operator's score is the product of both weights, as the authors', `none`'s its own
alone; spaces without cells have no edges to weigh. Networks start from random weights, as only a K-th of the supernet's
channels was trained; sampled networks are tried as they were trained, with partial channels.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

from annotated_types import Ge, Gt, Lt
from torch import nn

from edgenas.search.decode import Scores
from edgenas.search.edges import EdgeNormalised, EdgeWeights
from edgenas.search.partial import partial_channels
from edgenas.search.relaxation import Softmax
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.update import architecture_step, weight_step
from edgenas.space.space import Space


@dataclass(frozen=True)
class PcDarts(Strategy):
    """share: the paper's K. warmup: part of the search in which the weights learn alone (15 of the authors' 50 epochs).
    """

    summary: ClassVar[str] = "DARTS on a part of the channels, with learned weights of edges"
    paper: ClassVar[str] = "Xu et al., ICLR 2020, arXiv:1907.05737"
    inherits: ClassVar[bool] = False

    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    share: Annotated[int, Ge(1)] = 4
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.3

    def more(self, space: Space) -> nn.Module:
        return EdgeWeights(space.choices, space.graphs)

    def passes(self, supernet: nn.Module, progress: float) -> AbstractContextManager[None]:
        return partial_channels(supernet, self.share)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        relaxation = EdgeNormalised(Softmax(), edges(state))
        with self.passes(state.supernet, progress):
            if progress >= self.warmup:
                architecture_step(state, relaxation, held)
            return weight_step(state, relaxation, batch)

    def scores(self, state: SearchState) -> Scores:
        return state.parameters.scores(edges(state).chosen(state.parameters.logits))


def edges(state: SearchState) -> EdgeWeights:
    return cast(EdgeWeights, state.parameters.more)


STRATEGY = PcDarts
