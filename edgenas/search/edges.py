"""Weights of the edges of cells, learned beside those of their operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgenas.search.relaxation import Paths, Relaxation
from edgenas.space.graph import NONE, Graph


class EdgeWeights(nn.Module):
    """`values` (choices,) are learned: one logit per edge, of a softmax over the edges into the same node. All edges of
    a node start equally likely. A choice that is no edge of a cell has weight 1."""

    same: Tensor
    operators: Tensor

    def __init__(self, choices: Mapping[str, Sequence[str]], graphs: Sequence[Graph]) -> None:
        super().__init__()
        nodes = {edge.choice: (graph.name, edge.target) for graph in graphs for edge in graph.edges}
        into = [nodes.get(choice, (choice, "")) for choice in choices]
        widest = max(len(names) for names in choices.values())
        operators = [[name != NONE for name in names] + [False] * (widest - len(names)) for names in choices.values()]
        self.values = nn.Parameter(torch.zeros(len(choices)))
        self.register_buffer("same", torch.tensor([[one == other for other in into] for one in into]))
        self.register_buffer("operators", torch.tensor(operators))

    @property
    def weights(self) -> Tensor:
        """(choices,), those of the edges into one node summing to 1."""
        return torch.softmax(self.values.expand_as(self.same).masked_fill(~self.same, -torch.inf), 1).diagonal()

    def chosen(self, logits: Tensor) -> Tensor:
        """Candidates' logits of which those of operators, not of `none`, are raised by the logarithm of the edge's
        weight in units of an equal share: where all edges weigh the same, nothing changes."""
        return logits + (self.weights * self.same.sum(1)).log()[:, None] * self.operators


@dataclass(frozen=True)
class EdgeNormalised(Relaxation):
    """The path weights of another relaxation times their edge's weight (PC-DARTS, arXiv:1907.05737, eq. 3)."""

    inner: Relaxation
    edges: EdgeWeights

    def sample(self, logits: Tensor, generator: torch.Generator) -> Paths:
        paths = self.inner.sample(logits, generator)
        return Paths(paths.weights * self.edges.weights[:, None], paths.active, paths.single)
