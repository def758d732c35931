"""What a search left of the cells."""

from __future__ import annotations

from edgenas.flow.records import Cell, CellEdge
from edgenas.space import Architecture, Space


def cells_of(space: Space, architecture: Architecture) -> tuple[Cell, ...]:
    """Of each kind of cell its nodes, how many edges there could be, and those that are left with their operators."""
    return tuple(Cell(name=graph.name, inputs=tuple(graph.inputs), nodes=(*graph.inputs, *graph.nodes),
                      possible_edges=len(graph.edges),
                      edges=tuple(CellEdge(source=e.source, target=e.target, candidate=architecture[e.choice])
                                  for e in graph.present(architecture))) for graph in space.graphs)


def in_words(space: Space, architecture: Architecture) -> list[str]:
    """A sentence on each kind of cell."""
    said = []
    for graph in space.graphs:
        present = graph.present(architecture)
        dead = [node for node in graph.nodes if all(edge.target != node for edge in present)]
        said.append(f"cell {graph.name}: {len(present)} of {len(graph.edges)} edges left, {len(dead)} of "
                    f"{len(graph.nodes)} nodes dead")
    return said
