"""The edges of cells rated with the simplest operator on each, and then the operators on the best (FTSO)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgenas.search.relaxation import Given
from edgenas.search.topology import EdgeScores, masked_softmax
from edgenas.space.space import Space


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
