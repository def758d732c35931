"""DOTS and FTSO: which of operators and edges learns when, and by what."""

from __future__ import annotations

from functools import cache
from typing import cast

import pytest
import torch

from edgenas.cost.exact import exact_model
from edgenas.cost.model import CostModel
from edgenas.search.state import SearchState
from edgenas.search.strategies.dots import Grouped
from edgenas.search.strategies.ftso import SimplestFirst
from edgenas.search.strategy import Strategy, load_strategy
from edgenas.space import Space, choices_of, load_space

from ..toy import batch, colours, stack_space, state_of, table

TASK = colours(96)
OPTIONS = {"channels": "4", "cells": "1", "nodes": "2", "keep": "1"}


@cache
def cell() -> Space:
    return load_space("cell", (3, 8, 8), 4, OPTIONS)


@cache
def macs() -> CostModel:
    return exact_model(cell(), "macs")


def begun(strategy: Strategy, share: float = 1.0) -> SearchState:
    low, high = macs().reachable
    return state_of(cell(), [macs()], [low + share * (high - low)], strategy=strategy)


def moved(strategy: Strategy, progress: float, share: float = 1.0) -> set[str]:
    """The architecture's parameters that change in one step."""
    state = begun(strategy, share)
    with torch.no_grad():  # no ties
        for parameter in state.parameters.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    before = {name: p.detach().clone() for name, p in state.parameters.named_parameters()}
    strategy.step(state, batch(TASK), batch(TASK), progress)
    return {name for name, p in state.parameters.named_parameters() if not torch.equal(p, before[name])}


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize(("name", "progress", "learned"), [
    ("dots", 0.1, set()), ("dots", 0.4, {"values"}), ("dots", 0.6, set()),
    ("dots", 0.9, {"more.values", "more.balance"}),
    ("ftso", 0.1, set()), ("ftso", 0.4, {"more.scores"}), ("ftso", 0.6, set()), ("ftso", 0.9, {"values"}),
])
def test_operators_and_edges_learn_in_turn_also_under_a_budget(
        name: str, progress: float, learned: set[str], share: float) -> None:
    assert moved(load_strategy(name), progress, share) == learned


def test_the_groups_have_a_softmax_each_and_none_is_in_neither() -> None:
    state = begun(load_strategy("dots"))
    more, values = cast(Grouped, state.parameters.more), torch.randn(len(cell().choices), 8)
    weights = more.within(values, torch.zeros_like(values), state.parameters.mask)
    names = next(iter(cell().choices.values()))
    free = [i for i, name in enumerate(names) if name in ("max_pool_3x3", "avg_pool_3x3", "skip_connect")]
    heavy = [i for i, name in enumerate(names) if "conv" in name]
    torch.testing.assert_close(weights[:, free], torch.softmax(values[:, free], 1))
    torch.testing.assert_close(weights[:, heavy], torch.softmax(values[:, heavy], 1))
    assert (weights[:, names.index("none")] == 0).all()


def test_the_topology_search_computes_the_best_of_each_group_alone_and_ends_in_one_network() -> None:
    strategy = load_strategy("dots")
    state = begun(strategy)
    with torch.no_grad():
        for parameter in state.parameters.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    more, mask = cast(Grouped, state.parameters.more), state.parameters.mask
    best = more.best(state.parameters.values, mask)
    strategy.step(state, batch(TASK), batch(TASK), 0.9)
    for choice, row in zip(choices_of(state.network).values(), best.tolist(), strict=True):
        assert set(choice.route.active) == set(row)
    cold = more.between(best, torch.zeros(mask.shape), mask, 1e-4).detach()
    torch.testing.assert_close(cold, cold.round(), atol=1e-4, rtol=0)
    assert float(cold[:2].sum()) == pytest.approx(1)
    assert float(cold[2:].sum()) == pytest.approx(1)


def test_a_loser_of_its_group_never_scores_above_the_winner() -> None:
    state = begun(load_strategy("dots"))
    with torch.no_grad():
        for parameter in state.parameters.parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    more, mask = cast(Grouped, state.parameters.more), state.parameters.mask
    logits = state.parameters.logits
    for group, column in zip(more.groups(mask), more.best(state.parameters.values, mask).T, strict=True):
        assert (logits.masked_fill(~group, -torch.inf).argmax(1) == column).all()
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(len(logits)))


def test_edges_are_first_searched_with_skips_alone_then_operators_on_the_edges_that_are_kept() -> None:
    strategy = load_strategy("ftso")
    state = begun(strategy)
    strategy.step(state, batch(TASK), batch(TASK), 0.1)
    for choice in choices_of(state.network).values():
        assert [choice.names[i] for i in choice.route.active] == ["skip_connect"]
    weights = torch.stack([choice.route.weights.sum() for choice in choices_of(state.network).values()
                           if choice.route.weights is not None])
    torch.testing.assert_close(weights, torch.tensor([1 / 2] * 2 + [1 / 3] * 3))
    strategy.step(state, batch(TASK), batch(TASK), 0.9)
    kept = cast(SimplestFirst, state.parameters.more).hard.tolist()
    for choice, edge in zip(choices_of(state.network).values(), kept, strict=True):
        assert [choice.names[i] for i in choice.route.active] == [*choice.names[1:]] if edge else ["none"]


def test_the_simplest_operator_is_a_pool_where_a_skip_has_weights() -> None:
    reduction = load_space("cell", (3, 16, 16), 4, {"channels": "4", "cells": "3", "nodes": "1", "keep": "1"})
    more = SimplestFirst(reduction, 2)
    first = more.ranks.argmin(1).tolist()
    named = {choice: names[i] for (choice, names), i in zip(reduction.choices.items(), first, strict=True)}
    assert named["reduction:a>1"] == "none"  # which is none of an edge's operators
    one = more.ranks.masked_fill(more.none, 99).argmin(1).tolist()
    simplest = {choice: names[i] for (choice, names), i in zip(reduction.choices.items(), one, strict=True)}
    assert simplest["normal:a>1"] == "skip_connect"
    assert simplest["reduction:a>1"] == "max_pool_3x3"


@pytest.mark.parametrize("name", ["dots", "ftso"])
def test_without_graphs_the_operators_alone_are_searched(name: str) -> None:
    strategy = load_strategy(name)
    state = state_of(stack_space(), [table()], [9.0], strategy=strategy)
    with torch.no_grad():
        state.parameters.values.normal_(generator=torch.Generator().manual_seed(1))
    before = state.parameters.values.detach().clone()
    strategy.step(state, batch(TASK), batch(TASK), 0.4 if name == "dots" else 0.6)
    assert not torch.equal(state.parameters.values, before)
