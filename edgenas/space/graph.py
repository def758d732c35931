"""The graph of a cell: nodes that sum their input edges, and edges that may vanish."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from edgenas.space.solver import Row

NONE = "none"
"""The candidate by which an edge vanishes."""


@dataclass(frozen=True)
class Edge:
    """From node to node, through the operator that `choice` picks."""

    source: str
    target: str
    choice: str


@dataclass(frozen=True)
class Graph:
    """Edges come in an order in which they can be computed. All cells of one name are one graph.

    inputs: the nodes that the cell is given. outputs: those that it gives, concatenated. keep: of how many input edges
    a node keeps exactly so many (all, where it has fewer); None: any number, also none at all, as the search finds.
    """

    name: str
    inputs: tuple[str, ...]
    edges: tuple[Edge, ...]
    outputs: tuple[str, ...]
    keep: int | None = None

    def into(self, node: str) -> tuple[Edge, ...]:
        return tuple(edge for edge in self.edges if edge.target == node)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that are computed."""
        return tuple(dict.fromkeys(edge.target for edge in self.edges))

    def live(self, present: Collection[Edge]) -> tuple[Edge, ...]:
        """The edges of `present` that carry something from an input to an output."""
        fed, used = set(self.inputs), set(self.outputs)
        for edge in self.edges:
            if edge in present and edge.source in fed:
                fed.add(edge.target)
        for edge in reversed(self.edges):
            if edge in present and edge.target in used:
                used.add(edge.source)
        return tuple(e for e in self.edges if e in present and e.source in fed and e.target in used)

    def present(self, architecture: Mapping[str, str]) -> tuple[Edge, ...]:
        """The edges for which `architecture` picks an operator."""
        return tuple(edge for edge in self.edges if architecture[edge.choice] != NONE)

    def allows(self, architecture: Mapping[str, str]) -> bool:
        """Whether no operator is picked in vain, an output hangs on an input, and nodes keep what they must."""
        present = self.present(architecture)
        return (self.live(present) == present and any(edge.target in self.outputs for edge in present)
                and all(sum(e in present for e in self.into(node)) == self.kept(node) for node in self.nodes
                        if self.keep is not None))

    def kept(self, node: str) -> int:
        return min(self.keep or 0, len(self.into(node)))

    def rows(self, choices: Mapping[str, Sequence[str]]) -> list[Row]:
        """`allows` as rows of an integer program: an operator needs one before it and one behind it."""
        def count(edges: Collection[Edge], sign: float = 1.0) -> dict[str, dict[str, float]]:
            return {e.choice: {name: sign for name in choices[e.choice] if name != NONE} for e in edges}

        rows = [Row(count([e for e in self.edges if e.target in self.outputs]), 1.0)]
        for edge in self.edges:
            if edge.source not in self.inputs:
                rows.append(Row(count([edge]) | count(self.into(edge.source), -1.0), high=0.0))
            if edge.target not in self.outputs:
                behind = [e for e in self.edges if e.source == edge.target]
                rows.append(Row(count([edge]) | count(behind, -1.0), high=0.0))
        if self.keep is not None:
            rows += [Row(count(self.into(node)), float(self.kept(node)), float(self.kept(node)))
                     for node in self.nodes]
        return rows

    def draw(self, choices: Mapping[str, Sequence[str]], generator: torch.Generator) -> dict[str, str]:
        """Random picks for nodes that keep so many edges: every set of them, and every operator of these."""
        picks = {}
        for node in self.nodes if self.keep is not None else ():
            edges = self.into(node)
            for rank, index in enumerate(torch.randperm(len(edges), generator=generator).tolist()):
                names = [name for name in choices[edges[index].choice] if name != NONE]
                drawn = names[int(torch.randint(len(names), (), generator=generator))]
                picks[edges[index].choice] = drawn if rank < self.kept(node) else NONE
        return picks
