from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest
import torch
from torch import Tensor

from edgenas.search.decode import decode
from edgenas.search.sorting import SoftEdges
from edgenas.search.topology import EdgeScores, Topology, masked_log_softmax, masked_softmax
from edgenas.space import Space, load_space
from edgenas.space.dag import Edge, Graph
from edgenas.space.solver import best

NAMES = ("none", "skip", "conv")
EDGES = tuple(Edge(source, target, f"{source}>{target}") for source, target in
              (("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("1", "2")))
CHOICES = {**{edge.choice: NAMES for edge in EDGES}, "alone": ("x", "y")}


def graph(keep: int | None) -> Graph:
    return Graph("cell", ("a", "b"), EDGES, ("1", "2"), keep)


class Free(Topology):
    """One logit per combination, as given."""

    values: Tensor

    @property
    def combinations(self) -> Tensor:
        return self.values


def free(keep: int | None, seed: int = 0) -> Free:
    made = Free(CHOICES, [graph(keep)], None)
    made.values = torch.randn(made.exists.shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    return made


def mask() -> Tensor:
    return torch.tensor([[True] * len(names) + [False] * (3 - len(names)) for names in CHOICES.values()])


def by_enumeration(values: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Each edge's sum over the combinations that hold it, in the order in which they are enumerated."""
    kept = [torch.tensor(1.0)] * len(CHOICES)
    for node, edges in enumerate(((0, 1), (2, 3, 4))):
        sets = [chosen for size in sizes if size <= len(edges) for chosen in combinations(edges, size)]
        weights = torch.softmax(values[node, :len(sets)], 0)
        for edge in edges:
            kept[edge] = sum((w for w, chosen in zip(weights, sets, strict=True) if edge in chosen), torch.tensor(0.0))
    return torch.stack(kept)


@pytest.mark.parametrize(("keep", "sizes"), [(1, (1,)), (2, (2,)), (None, (0, 1, 2, 3))])
def test_an_edge_weighs_what_the_combinations_that_hold_it_do_in_value_and_gradient(
        keep: int | None, sizes: tuple[int, ...]) -> None:
    ours = free(keep)
    slopes = torch.randn(len(CHOICES), generator=torch.Generator().manual_seed(9))
    found, expected = ours.gates(ours.values), by_enumeration(ours.values, sizes)
    torch.testing.assert_close(found, expected)
    gradients = [torch.autograd.grad((gates * slopes).sum(), ours.values)[0] for gates in (found, expected)]
    torch.testing.assert_close(*gradients)
    if keep is not None:
        torch.testing.assert_close(found[:2].sum(), torch.tensor(float(keep)))
        torch.testing.assert_close(found[2:5].sum(), torch.tensor(float(keep)))


def test_a_cold_combination_is_one_and_a_hot_one_is_every_one() -> None:
    ours = free(2)
    cold, hot = ours.gates(ours.values / 1e-4), ours.gates(ours.values / 1e6)
    assert sorted(cold[2:5].tolist()) == pytest.approx([0, 1, 1])
    torch.testing.assert_close(hot[2:5], torch.full((3,), 2 / 3))


def test_logits_are_the_joint_distribution_of_edge_and_operator() -> None:
    ours, values = free(1), torch.randn(len(CHOICES), 3, generator=torch.Generator().manual_seed(3))
    found, gates = ours.logits(values, mask()).exp(), ours.gates(ours.values)
    for edge in range(5):
        operators = gates[edge] * torch.softmax(values[edge, 1:], 0)
        torch.testing.assert_close(found[edge], torch.cat([(1 - gates[edge])[None], operators]))
    torch.testing.assert_close(found[5, :2], torch.softmax(values[5, :2], 0))


def test_what_is_not_allowed_is_never_likely_and_an_edge_without_operators_vanishes() -> None:
    ours, allowed = free(1), mask()
    allowed[0, 1:] = False
    allowed[1, 2] = False
    found = ours.logits(torch.zeros(len(CHOICES), 3), allowed)
    assert found[0].argmax() == 0
    assert found[0, 1:].isinf().all()
    assert found[1, 2].isinf()
    (gradient,) = torch.autograd.grad(torch.softmax(found, 1)[1, 1], ours.values)
    assert gradient.isfinite().all()


def test_scores_of_edges_are_those_of_the_combinations_of_their_sums_and_the_best_are_kept() -> None:
    scores = EdgeScores(CHOICES, [graph(2)], None)
    with torch.no_grad():
        scores.scores.copy_(torch.tensor([0.0, 1.0, 3.0, -1.0, 2.0, 7.0]))
    pairs = torch.tensor([3.0 - 1.0, 3.0 + 2.0, -1.0 + 2.0]).softmax(0)
    torch.testing.assert_close(scores.gates(scores.combinations)[2:5],
                               torch.stack([pairs[0] + pairs[1], pairs[0] + pairs[2], pairs[1] + pairs[2]]))
    assert scores.hard.tolist() == [1, 1, 1, 0, 1, 1]


def test_an_edge_that_cannot_vanish_is_in_every_combination() -> None:
    choices = CHOICES | {"b>2": ("skip", "conv", "pool")}
    ours = EdgeScores(choices, [graph(2)], None)
    assert ours.gates(ours.combinations).tolist() == pytest.approx([1, 1, 0.5, 1, 0.5, 1])


def test_without_graphs_nothing_is_gated() -> None:
    ours = EdgeScores(CHOICES, [], 2)
    values = torch.randn(len(CHOICES), 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours.logits(values, mask()), masked_log_softmax(values, mask()))
    assert ours.hard.tolist() == [1.0] * 6


@cache
def cell() -> Space:
    return load_space("cell", (3, 8, 8), 4, {"channels": "4", "cells": "1", "nodes": "3", "keep": "2"})


def test_the_decoded_edges_of_a_decided_topology_are_its_best() -> None:
    space = cell()
    ours = EdgeScores(space.choices, space.graphs, None)
    with torch.no_grad():
        ours.scores.copy_(30 * torch.randn(len(space.choices), generator=torch.Generator().manual_seed(5)))
    every = torch.ones(len(space.choices), 8, dtype=torch.bool)
    table = ours.logits(torch.zeros(len(space.choices), 8), every).tolist()
    scores = {choice: dict(zip(names, row, strict=True))
              for (choice, names), row in zip(space.choices.items(), table, strict=True)}
    found = best(scores, space.rows)
    assert found is not None
    assert [float(picked != "none") for picked in found.values()] == ours.hard.tolist()
    assert decode(scores, []) is not None


@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("temperature", [5.0, 0.5, 1e-4])
def test_sorted_edges_of_a_node_weigh_k_together_and_are_k_when_cold(keep: int, temperature: float) -> None:
    ours, values = EdgeScores(CHOICES, [graph(keep)], None), torch.zeros(len(CHOICES), 3)
    for seed in range(10):
        paths = SoftEdges(temperature, ours, values, torch.zeros_like(values), mask()).sample(
            values, torch.Generator().manual_seed(seed))
        edges = paths.weights[:5].sum(1)
        torch.testing.assert_close(torch.stack([edges[:2].sum(), edges[2:].sum()]), torch.full((2,), float(keep)))
        assert (paths.weights[:5, 0] == 0).all()
        torch.testing.assert_close(paths.weights[5].sum(), torch.tensor(1.0))
        if temperature < 1e-3:
            torch.testing.assert_close(paths.weights, paths.weights.round(), atol=1e-3, rtol=0)


def test_the_price_of_an_edge_lowers_its_chance() -> None:
    ours, values = EdgeScores(CHOICES, [graph(1)], None), torch.zeros(len(CHOICES), 3)
    prices = torch.zeros_like(values)
    prices[0, 1:] = 50.0
    for seed in range(10):
        paths = SoftEdges(0.1, ours, values, prices, mask()).sample(values, torch.Generator().manual_seed(seed))
        assert paths.weights[0].sum() < 1e-3


def test_a_softmax_of_nothing_is_nothing() -> None:
    logits, where = torch.zeros(2, 3, requires_grad=True), torch.tensor([[False] * 3, [True, True, False]])
    found = masked_softmax(logits, where)
    assert found.tolist() == [[0, 0, 0], [0.5, 0.5, 0]]
    assert torch.autograd.grad(found[:, 0].sum(), logits)[0].isfinite().all()
