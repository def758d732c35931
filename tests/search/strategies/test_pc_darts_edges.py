from __future__ import annotations

import math
from typing import cast

import pytest
import torch

from edgenas.search.relaxation import Softmax
from edgenas.search.strategies.pc_darts import EdgeNormalised, EdgeWeights, PcDarts
from edgenas.space import load_space
from edgenas.space.graph import Edge, Graph

from ..toy import batch, colours, stack_space, state_of

CHOICES = {"a>c": ("none", "conv", "skip"), "alone": ("conv", "skip"), "a>d": ("none", "conv", "skip"),
           "c>d": ("none", "conv", "skip")}
GRAPH = Graph("cell", ("a",), (Edge("a", "c", "a>c"), Edge("a", "d", "a>d"), Edge("c", "d", "c>d")), ("d",))


def edges(*values: float) -> EdgeWeights:
    found = EdgeWeights(CHOICES, [GRAPH])
    if values:
        found.values.data.copy_(torch.tensor(values))
    return found


def test_the_edges_into_a_node_share_a_softmax_and_what_is_no_edge_weighs_one() -> None:
    torch.testing.assert_close(edges().weights, torch.tensor([1, 1, 0.5, 0.5]))
    torch.testing.assert_close(edges(3.0, 5.0, math.log(3), 0.0).weights, torch.tensor([1, 1, 0.75, 0.25]))


def test_path_weights_are_products_and_both_factors_learn() -> None:
    own, logits = edges(0.0, 0.0, math.log(3), 0.0), torch.randn(4, 3, requires_grad=True)
    paths = EdgeNormalised(Softmax(), own).sample(logits, torch.Generator())
    expected = torch.softmax(logits, 1) * torch.tensor([1, 1, 0.75, 0.25])[:, None]
    torch.testing.assert_close(paths.weights, expected)
    torch.testing.assert_close(paths.weights[2].sum(), torch.tensor(0.75))
    paths.weights[2, 0].backward()
    assert logits.grad is not None
    assert own.values.grad is not None
    p = float(torch.softmax(logits.detach(), 1)[2, 0])
    torch.testing.assert_close(own.values.grad, torch.tensor([0, 0, p * 0.75 * 0.25, -p * 0.75 * 0.25]))


def test_operators_of_light_edges_lose_against_none_and_equal_edges_change_nothing() -> None:
    logits = torch.zeros(4, 3)
    assert torch.equal(edges().chosen(logits), logits)
    found = edges(0.0, 9.0, math.log(3), 0.0).chosen(logits)
    assert torch.equal(found[0], logits[0])
    torch.testing.assert_close(found[2], torch.tensor([0.0, math.log(1.5), math.log(1.5)]))
    torch.testing.assert_close(found[3], torch.tensor([0.0, math.log(0.5), math.log(0.5)]))


@pytest.mark.parametrize("name", ["cell", "nasbench201"])
def test_in_cells_edges_learn_their_weights_after_the_warmup_and_keep_the_sum_of_each_node(name: str) -> None:
    space = load_space(name, (3, 8, 8), 4, {"channels": "4", "cells": "1"})
    strategy, data = PcDarts(), batch(colours())
    state = state_of(space, [], [], strategy=strategy)
    own = cast(EdgeWeights, state.parameters.more)
    strategy.step(state, data, data, 0.1)
    assert not own.values.any()
    assert not state.parameters.values.any()
    strategy.step(state, data, data, 0.5)
    assert own.values.any()
    assert state.parameters.values.any()
    order = list(space.choices)
    for graph in space.graphs:
        for node in graph.nodes:
            rows = [order.index(edge.choice) for edge in graph.into(node)]
            assert float(own.weights[rows].detach().sum()) == pytest.approx(1.0)


def test_without_cells_there_are_no_edges_to_weigh() -> None:
    strategy, data = PcDarts(), batch(colours())
    state = state_of(stack_space(), [], [], strategy=strategy)
    strategy.step(state, data, data, 0.5)
    own = cast(EdgeWeights, state.parameters.more)
    assert torch.equal(own.weights, torch.ones(3))
    assert not own.values.any()
    assert strategy.scores(state) == state.parameters.scores()
