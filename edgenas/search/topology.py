"""Which of their input edges the nodes of cells keep, learned apart from the operators on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgenas.space.graph import NONE, Graph

SURE = 1e-6  # probability of what a topology rules out: scores stay finite


class Topology(nn.Module):
    """A distribution over the combinations of edges that each node may keep.

    keep: how many edges a node keeps where its graph does not say; None there for any number. Edges that have no
    candidate `none` are kept always and are in no combination. Without graphs there are no nodes, and nothing is gated.

    members: (nodes, combinations, choices), 1 where the combination keeps the edge. exists: (nodes, combinations).
    gated: (choices,), edges that may vanish. none: (choices, candidates). into: (nodes, most edges), the choices of a
    node's edges, and `edges` whether there is one. kept: (nodes,), how many of them are kept; all, if any may.
    """

    members: Tensor
    exists: Tensor
    gated: Tensor
    none: Tensor
    into: Tensor
    edges: Tensor
    kept: Tensor

    def __init__(self, choices: Mapping[str, Sequence[str]], graphs: Sequence[Graph], keep: int | None) -> None:
        super().__init__()
        names, widest = list(choices), max(len(candidates) for candidates in choices.values())
        none = [[name == NONE for name in found] + [False] * (widest - len(found)) for found in choices.values()]
        nodes = [node for graph in graphs for node in nodes_of(graph, choices, names, keep)]
        sets = [[set(chosen) for size in sizes for chosen in combinations(edges, size)] for edges, sizes in nodes]
        most, edges = max([len(s) for s in sets], default=1), max([len(e) for e, _ in nodes], default=1)
        members = torch.zeros(len(nodes), most, len(names))
        for node, found in enumerate(sets):
            for number, chosen in enumerate(found):
                members[node, number, list(chosen)] = 1.0
        counts, widths = torch.tensor([len(s) for s in sets]), torch.tensor([len(e) for e, _ in nodes])
        self.register_buffer("members", members)
        self.register_buffer("exists", torch.arange(most) < counts[:, None])
        self.register_buffer("gated", torch.tensor([any(i in e for e, _ in nodes) for i in range(len(names))]))
        self.register_buffer("none", torch.tensor(none))
        self.register_buffer("into", torch.tensor([[*e, *[0] * (edges - len(e))] for e, _ in nodes],
                                                  dtype=torch.long).reshape(len(nodes), edges))
        self.register_buffer("edges", torch.arange(edges) < widths[:, None])
        self.register_buffer("kept", torch.tensor([sizes[-1] for _, sizes in nodes]))

    @property
    def combinations(self) -> Tensor:
        """(nodes, combinations) logits."""
        raise NotImplementedError

    def operators(self, values: Tensor, mask: Tensor) -> Tensor:
        """Log-probabilities of the candidates other than `none`, given that the edge is kept."""
        return masked_log_softmax(values, self.present(mask))

    def present(self, mask: Tensor) -> Tensor:
        """(choices, candidates) bool: what an edge may be when it is kept; `none` where nothing else is allowed."""
        found = mask & ~(self.none & self.gated[:, None])
        return torch.where(found.any(1, keepdim=True), found, mask)

    def gates(self, logits: Tensor) -> Tensor:
        """(choices,): the summed probabilities of the combinations, given by their logits, that keep an edge; 1 for a
        choice that is no edge."""
        weights = torch.softmax(logits.masked_fill(~self.exists, -torch.inf), 1)
        kept = torch.einsum("nc,nce->e", weights, self.members)
        return torch.where(self.gated, kept, 1.0)

    def logits(self, values: Tensor, mask: Tensor) -> Tensor:
        """The joint distribution's: an edge vanishes by `none`, or is kept and has one of its operators."""
        return self.joined(values, mask, self.gates(self.combinations))

    def joined(self, values: Tensor, mask: Tensor, gates: Tensor) -> Tensor:
        gate = gates.clamp(SURE, 1 - SURE)[:, None]
        kept = self.operators(values, mask)
        edges = torch.where(self.none, torch.log1p(-gate), kept + gate.log())
        return torch.where(self.gated[:, None] & mask, edges, kept)

    def priced(self, operators: Tensor, prices: Tensor) -> Tensor:
        """(choices,): what the prices of its operators, given by their log-probabilities, take from an edge's logit."""
        return -torch.logsumexp(operators - prices, 1).detach() * self.gated


class EdgeScores(Topology):
    """One learned score per edge; a combination's logit is the sum of its edges'."""

    def __init__(self, choices: Mapping[str, Sequence[str]], graphs: Sequence[Graph], keep: int | None) -> None:
        super().__init__(choices, graphs, keep)
        self.scores = nn.Parameter(torch.zeros(len(choices)))

    @property
    def combinations(self) -> Tensor:
        return self.members @ self.scores

    @property
    def hard(self) -> Tensor:
        """(choices,): 1 for the best-scored edges of each node, as many as it keeps, and where there is no edge."""
        order = self.scores[self.into].masked_fill(~self.edges, -torch.inf).argsort(dim=1, descending=True, stable=True)
        best = self.into.gather(1, order)[torch.arange(order.shape[1], device=order.device) < self.kept[:, None]]
        return torch.where(self.gated, 0.0, 1.0).index_fill(0, best, 1.0)


def nodes_of(graph: Graph, choices: Mapping[str, Sequence[str]], names: Sequence[str],
             keep: int | None) -> list[tuple[list[int], range]]:
    """Per node the choices, by their numbers, of its edges that may vanish, and of how many of them it keeps."""
    found = []
    for node in graph.nodes:
        into = dict.fromkeys(edge.choice for edge in graph.into(node))
        edges = [names.index(choice) for choice in into if NONE in choices[choice]]
        count = keep if graph.keep is None else graph.keep
        if count is None:
            found.append((edges, range(len(edges) + 1)))
        else:
            free = min(max(count - (len(into) - len(edges)), 0), len(edges))
            found.append((edges, range(free, free + 1)))
    return [(edges, sizes) for edges, sizes in found if edges]


def masked_softmax(logits: Tensor, where: Tensor) -> Tensor:
    """Softmax over the last dimension of what is marked; 0 elsewhere, and in rows where nothing is."""
    return torch.softmax(logits.masked_fill(~where, torch.finfo(logits.dtype).min), -1) * where


def masked_log_softmax(logits: Tensor, where: Tensor) -> Tensor:
    """As `masked_softmax`, its logarithm; -inf elsewhere."""
    filled = logits.masked_fill(~where, torch.finfo(logits.dtype).min)
    return functional.log_softmax(filled, -1).masked_fill(~where, -torch.inf)
