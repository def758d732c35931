"""FTSO: First Topology, Second Operator (Wang and Chen, arXiv:2303.12948).

First the edges, then the operators. In the topology search every edge of a cell has its simplest operator alone, a
skip: the supernet is tiny, and an edge is rated for what it connects. Edges into the same node are weighed by a
softmax. Then each node keeps its best edges, and the operator search is a softmax over the operators on these.

Where we differ: both searches learn as `darts` of order 1 does, after a warm-up of the weights, without which edges
are rated by weights that know nothing; the operator search goes on with the weights of the
first (of skips, there are few). The simplest operator has the fewest parameters; of equals it is one that passes its
input on. Where a graph does not say how many edges a node keeps, the option `keep` does. What the topology search has
ruled out is decoded only where a budget or the space leaves nothing else. In spaces without graphs there is the
operator search alone, which is `darts` of order 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, cast

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from edgenas.search.relaxation import Given
from edgenas.search.state import Batch, SearchState
from edgenas.search.strategy import Strategy
from edgenas.search.topology import EdgeScores, masked_softmax
from edgenas.search.update import architecture_gradient, learn_architecture, weight_step
from edgenas.space.space import Space


@dataclass(frozen=True)
class Ftso(Strategy):
    """topology: part of the whole that is the topology search. warmup: part of each search in which the weights learn
    alone. keep: edges of a node, where the space leaves it open."""

    summary: ClassVar[str] = "the edges first, with skips alone, then the operators on those that are kept"
    paper: ClassVar[str] = "Wang and Chen, arXiv:2303.12948"

    architecture_travel: Annotated[float, Gt(0)] = 12.0
    architecture_share: Annotated[float, Gt(0), Lt(1)] = 0.5
    topology: Annotated[float, Gt(0), Lt(1)] = 0.5
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.5
    keep: Annotated[int, Ge(1)] = 2

    def more(self, space: Space) -> nn.Module:
        return SimplestFirst(space, self.keep)

    def step(self, state: SearchState, batch: Batch, held: Batch | None, progress: float) -> dict[str, float]:
        assert held is not None
        more = cast(SimplestFirst, state.parameters.more)
        end = self.topology if more.gated.any() else 0.0  # of the topology search
        more.decided.fill_(progress >= end)
        done = (progress - end) / (1 - end) if more.decided else progress / end
        if done >= self.warmup:
            architecture_gradient(state, paths(state), held)
            learn_architecture(state)
        return weight_step(state, paths(state), batch)


def paths(state: SearchState) -> Given:
    parameters = state.parameters
    return cast(SimplestFirst, parameters.more).paths(parameters.values, state.prices, parameters.mask)


class SimplestFirst(EdgeScores):
    """decided: whether the edges are, so that the operators are learned. ranks: (choices, candidates), 0 for the
    simplest: that with the fewest parameters, of equals one that passes its input on.

    keep: edges of a node where its graph does not say.
    """

    decided: Tensor
    ranks: Tensor

    def __init__(self, space: Space, keep: int) -> None:
        super().__init__(space.choices, space.graphs, keep)
        sizes, names = torch.full(self.none.shape, torch.inf), list(space.choices)
        for part in space.parts:
            if part.choice is not None and part.candidate is not None:
                row, column = names.index(part.choice), space.choices[part.choice].index(part.candidate)
                size = sum(p.numel() for p in part.module.parameters())
                sizes[row, column] = size + 0.5 * (not isinstance(part.module, nn.Identity))
        self.register_buffer("decided", torch.tensor(False))
        self.register_buffer("ranks", sizes.argsort(dim=1, stable=True).argsort(dim=1))

    def logits(self, values: Tensor, mask: Tensor) -> Tensor:
        return self.joined(values, mask, self.hard if self.decided else self.gates(self.combinations))

    def paths(self, values: Tensor, prices: Tensor, mask: Tensor) -> Given:
        return self.operators_alone(values, prices, mask) if self.decided else self.edges_alone(values, prices, mask)

    def edges_alone(self, values: Tensor, prices: Tensor, mask: Tensor) -> Given:
        """The simplest operator of each edge, weighed by a softmax over the edges into its node. What is no edge has
        the mixture of its operators, which learn nothing."""
        present = self.present(mask)
        one = self.ranks.masked_fill(~present, present.shape[1]).argmin(1, keepdim=True)
        scores, weights = self.scores - prices.gather(1, one)[:, 0], torch.ones_like(self.scores)
        for into, exists in zip(self.into, self.edges, strict=True):
            weights = weights.index_put((into[exists],), torch.softmax(scores[into[exists]], 0))
        single = torch.zeros_like(prices).scatter(1, one, weights[:, None])
        mixed = masked_softmax(values - prices, present).detach()
        gated, every = self.gated[:, None], torch.arange(mixed.shape[1], device=mixed.device).expand(mixed.shape)
        return Given(torch.where(gated, single, mixed), torch.where(gated, one, every))

    def operators_alone(self, values: Tensor, prices: Tensor, mask: Tensor) -> Given:
        """The mixture of the operators of each choice; of edges that are not kept, nothing."""
        computed = torch.where(self.hard[:, None] > 0, self.present(mask), self.none)
        weights = masked_softmax(values - prices, computed & ~(self.none & self.gated[:, None]))
        every = torch.arange(weights.shape[1], device=weights.device).expand(weights.shape)
        return Given(weights, torch.where(computed, every, computed.float().argmax(1, keepdim=True)))


STRATEGY = Ftso
