"""Graphs: what is live, what is allowed, and that the integer program's rows say the same."""

from __future__ import annotations

import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.space.graph import NONE, Edge, Graph
from edgenas.space.solver import best

NODES = ("0", "1", "2", "3")
EDGES = tuple(Edge(a, b, f"{a}>{b}") for i, b in enumerate(NODES) for a in NODES[:i])
CHAIN = Graph("cell", ("0",), EDGES, ("3",))
CHOICES = {edge.choice: (NONE, "conv", "pool") for edge in EDGES}


def picks(*names: str) -> dict[str, str]:
    return dict(zip((edge.choice for edge in EDGES), names, strict=True))


def holds(graph: Graph, architecture: dict[str, str]) -> bool:
    """Whether the rows allow an architecture, by asking for nothing but it."""
    only = {choice: {name: 0.0} for choice, name in architecture.items()}
    return best(only, graph.rows(CHOICES)) is not None


def test_an_operator_is_live_when_something_feeds_it_and_something_takes_it() -> None:
    #              0>1    0>2    1>2    0>3    1>3    2>3
    found = picks("conv", NONE, "conv", "conv", NONE, NONE)
    assert [edge.choice for edge in CHAIN.live(CHAIN.present(found))] == ["0>3"]
    assert not CHAIN.allows(found)
    assert CHAIN.allows(picks(NONE, NONE, NONE, "pool", NONE, NONE))
    assert not CHAIN.allows(picks(NONE, NONE, NONE, NONE, NONE, NONE))


def test_the_rows_allow_what_the_graph_allows_of_all_architectures() -> None:
    kept = Graph("cell", ("0",), EDGES, ("1", "2", "3"), keep=1)
    allowed = {CHAIN: 0, kept: 0}
    for names in itertools.product((NONE, "conv"), repeat=len(EDGES)):
        for graph in allowed:
            assert holds(graph, picks(*names)) == graph.allows(picks(*names))
            allowed[graph] += graph.allows(picks(*names))
    assert allowed[kept] == 1 * 2 * 3
    assert allowed[CHAIN] > 10


@given(st.integers(0, 2**30), st.sampled_from([1, 2, 3]))
@settings(max_examples=30, deadline=None)
def test_random_picks_keep_so_many_edges_of_each_node(seed: int, keep: int) -> None:
    graph = Graph("cell", ("0",), EDGES, ("1", "2", "3"), keep)
    drawn = graph.draw(CHOICES, torch.Generator().manual_seed(seed))
    assert [sum(drawn[e.choice] != NONE for e in graph.into(node)) for node in graph.nodes] == [
        min(keep, 1), min(keep, 2), min(keep, 3)]
    assert graph.allows(drawn)


def test_nothing_is_drawn_where_any_number_may_stay() -> None:
    assert CHAIN.draw(CHOICES, torch.Generator()) == {}
