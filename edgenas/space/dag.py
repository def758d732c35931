"""A cell of nodes that sum their input edges, each edge a choice: what is shared by the spaces of cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from edgenas.space.choice import Choice
from edgenas.space.graph import NONE, Edge, Graph
from edgenas.space.operators import Zero

Build = Callable[[Edge], Mapping[str, nn.Module]]


class Dag(nn.Module):
    """Computes a graph: takes a tensor for each of its inputs, gives its outputs, concatenated along the channels.

    build: the candidates of an edge. One called `none` must be a `Zero`: when it is picked, the edge vanishes, and with
    it all edges that only fed from it or only it fed; what is left of a network is what is exported.
    """

    def __init__(self, graph: Graph, build: Build) -> None:
        super().__init__()
        self.graph = graph
        self.edges = nn.ModuleDict({key(edge): Choice(build(edge), edge.choice) for edge in graph.edges})

    def forward(self, *inputs: Tensor) -> Tensor:
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        for edge in self.graph.edges:
            if key(edge) in self.edges:
                term = self.edges[key(edge)](values[edge.source])
                values[edge.target] = values[edge.target] + term if edge.target in values else term
        outputs = [values[node] for node in self.outputs]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The output nodes that some edge feeds."""
        fed = {edge.target for edge in self.graph.edges if key(edge) in self.edges}
        return tuple(node for node in self.graph.outputs if node in fed)

    def simplify(self) -> None:
        """Remove the edges that vanish and those that are in vain; called when every choice is picked."""
        present = [e for e in self.graph.edges if not isinstance(self.edges[key(e)], Zero)]
        kept = {key(edge) for edge in self.graph.live(present)}
        for name in list(self.edges):
            if name not in kept:
                del self.edges[name]


def key(edge: Edge) -> str:
    return f"{edge.source}_{edge.target}"


def graphs_of(module: nn.Module) -> tuple[Graph, ...]:
    """The graphs of a network's cells, one of each name."""
    return tuple({part.graph.name: part.graph for part in module.modules() if isinstance(part, Dag)}.values())


__all__ = ["NONE", "Dag", "Edge", "Graph", "graphs_of"]
