from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.progress import Silent
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.state import SearchState
from edgenas.search.strategies.gold_nas import GoldNas, SigmoidGates, costs_of, gate_scores, pressure_of, prune
from edgenas.space import load_space

from ..toy import COSTS, batch, calls, colours, fabric, stack_space, state_of, table

GENERATOR = torch.Generator()


def state(limit: float = 14.0, *, same: bool = False) -> SearchState:
    return state_of(stack_space(same=same), [table()], [limit], strategy=GoldNas())


def test_gates_are_independent_of_one_another_and_of_prices() -> None:
    logits = torch.tensor([[0.0, 2.0, -1.0], [3.0, -torch.inf, 0.0]], requires_grad=True)
    paths = SigmoidGates(logits).sample(logits.detach() - 5.0, GENERATOR)
    torch.testing.assert_close(paths.weights.detach(), torch.sigmoid(logits.detach()))
    assert float(paths.weights.detach().sum(1)[0]) != pytest.approx(1.0)
    paths.weights[0, 1].backward()
    assert logits.grad is not None
    assert [[value != 0 for value in row] for row in logits.grad.tolist()] == [[False, True, False], [False] * 3]


def test_every_candidate_pays_alike_and_by_its_share_of_each_budget() -> None:
    costs = costs_of(state())
    every = [cost for row in COSTS.values() for cost in row]
    mean = sum(every) / len(every)
    for row, expected in zip(costs.tolist(), COSTS.values(), strict=True):
        assert row[:len(expected)] == pytest.approx([1 + cost / mean for cost in expected])
    free = state_of(stack_space(), [], [], strategy=GoldNas())
    assert torch.equal(costs_of(free), torch.ones(3, 4))


def test_the_weights_and_the_gates_learn_in_one_pass_and_the_price_shuts_gates() -> None:
    data = batch(colours())
    plain, priced = state(), state()
    (group,) = plain.architecture_optimizer.param_groups
    GoldNas(rounds=1).step(plain, data, None, 0.0)
    pressure_of(priced).price += 2.0
    GoldNas(rounds=1).step(priced, data, None, 0.0)
    assert calls(plain) == [[1] * 3, [1] * 4, [1] * 3]
    moved = priced.parameters.values.detach() - plain.parameters.values.detach()
    expected = -group["lr"] * 2.0 * 0.25 * costs_of(plain) * plain.parameters.mask  # sigmoid'(0) = 1/4
    torch.testing.assert_close(moved, expected, atol=1e-6, rtol=1e-4)


def test_the_shut_are_pruned_the_least_open_first_few_at_a_time_and_never_what_would_be_decoded() -> None:
    ours = state()
    ours.parameters.values.data.copy_(torch.tensor([[-6.0, -5.0, -4.0, 0.0], [-9.0, -8.0, -7.0, 1.0],
                                                    [2.0, -3.5, 0.0, 0.0]]))
    assert prune(ours, 0.05, most=2) == 2
    assert (~ours.parameters.mask & ours.parameters.allowed).nonzero().tolist() == [[1, 0], [1, 1]]
    assert prune(ours, 0.05, most=9) == 4
    assert ours.parameters.mask.tolist() == [[False, False, True, False], [False, False, False, True],
                                             [True, False, True, False]]
    assert prune(ours, 0.05, most=9) == 0
    assert gate_scores(ours)["one"] == {"o2": pytest.approx(float(torch.tensor(-4.0).sigmoid().log()))}


def test_the_price_rises_faster_while_the_schedule_is_missed_and_rests_when_it_is_kept() -> None:
    pressure = pressure_of(state())
    prices = []
    for behind in (True, True, True, False, True):
        pressure.rise(0.5, behind=behind)
        prices.append(float(pressure.price))
    assert prices == [0.5, 1.5, 3.0, 3.0, 3.5]
    assert float(pressure.rounds) == 5


class Watching(GoldNas):
    """Notes after each step what is left, and what was computed in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        object.__setattr__(self, "seen", [])

    def step(self, state: SearchState, *given: Any) -> dict[str, float]:
        live, before = state.parameters.mask.clone(), calls(state)
        log = super().step(state, *given)
        after = [[b - a for a, b in zip(*rows, strict=True)] for rows in zip(before, calls(state), strict=True)]
        cast(Any, self).seen.append((live, after, state.parameters.mask.clone()))
        return log


def run(strategy: GoldNas, folder: Path, *, same: bool = False, model: CostModel | None = None, limit: float = 14.0,
        epochs: int = 4, progress: Silent | None = None) -> SearchResult:
    return search(stack_space(same=same), colours(90), strategy, {"macs": model or table()}, [Budget("macs", limit)],
                  settings=SearchSettings(epochs=epochs, batch_size=6), seed=0, fabric=fabric(),
                  checkpoint=folder / "checkpoint.pt", progress=progress)


def test_where_candidates_are_equal_their_costs_decide_the_order_of_pruning(tmp_path: Path) -> None:
    """Candidates of a choice share their weights: nothing but the price tells them apart."""
    strategy = Watching()
    result = run(strategy, tmp_path, same=True)
    order: list[list[int]] = [[], [], []]
    for live, _, after in cast(Any, strategy).seen:
        for row, column in (live & ~after).nonzero().tolist():
            order[row].append(column)
    for columns, costs in zip(order, COSTS.values(), strict=True):
        dearest = sorted(range(len(costs)), key=lambda column: -costs[column])
        assert columns == dearest[:-1], (order, result.scores)


def test_what_is_pruned_is_never_computed_again_and_one_network_is_left(tmp_path: Path) -> None:
    strategy = Watching()
    result = run(strategy, tmp_path)
    seen, before = cast(Any, strategy).seen, None
    for live, counted, after in seen:
        assert all([number > 0 for number in numbers] == live[row, :len(numbers)].tolist()
                   for row, numbers in enumerate(counted))
        assert before is None or torch.equal(live, before)
        assert not (after & ~live).any()
        before = after
    left = [int(after.sum()) for *_, after in seen]
    assert left[0] == 10
    assert left[-1] == 3
    assert max(a - b for a, b in zip(left, left[1:], strict=False)) <= 2  # gradually
    for row in result.scores.values():
        best, *others = sorted(row.values(), reverse=True)
        assert best - others[0] > 1.0
        assert len(set(others)) == 1  # pruned ones, for where nothing else holds the budgets


class OneEpoch(Silent):
    def advance(self, note: str = "") -> None:
        raise KeyboardInterrupt


def test_prices_and_what_was_pruned_survive_an_interruption(tmp_path: Path) -> None:
    whole = run(GoldNas(), tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(GoldNas(), tmp_path / "parts", progress=OneEpoch())
    again = run(GoldNas(), tmp_path / "parts")
    assert again.scores == whole.scores
    assert [row.loss for row in again.history] == [row.loss for row in whole.history]


def test_in_cells_what_is_left_is_a_network(tmp_path: Path) -> None:
    space = load_space("nasbench201", (3, 8, 8), 4, {"channels": "2", "cells": "1"})
    result = search(space, colours(60), GoldNas(rise=0.05), {}, [], settings=SearchSettings(epochs=2, batch_size=4),
                    seed=0, fabric=fabric(), checkpoint=tmp_path / "c.pt")
    picks = {choice: max(row, key=lambda name: row[name]) for choice, row in result.scores.items()}
    assert all(graph.allows(picks) for graph in space.graphs)
