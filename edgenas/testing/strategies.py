"""What every strategy must do: on each kind of space and under each kind of budget."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.cost.model import CostModel
from edgenas.progress import Silent
from edgenas.search.decode import Constraint, decode
from edgenas.search.search import SearchResult, search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.space import Space, load_space
from edgenas.testing.toy import COSTS, colours, fabric, stack_space, table

BUDGETS = {"summed": ("macs",), "maximum": ("peak_memory_kib",), "two": ("macs", "params")}
TASK = colours(48)  # its test part cannot be looked at
OPTIONS = {"mobile": {"width": "0.25", "depth": "1"},
           "cell": {"channels": "4", "cells": "1", "nodes": "2", "keep": "1"},
           "nasbench201": {"channels": "4", "cells": "1"}}
CASES = [*((space, kind) for space in ("stack", "mobile") for kind in BUDGETS), ("cell", "two"), ("nasbench201", "two")]


@cache
def space_of(name: str) -> Space:
    return stack_space() if name == "stack" else load_space(name, (3, 8, 8), 4, OPTIONS[name])


@cache
def model_of(space: str, metric: str) -> CostModel:
    if space != "stack":
        return exact_model(space_of(space), metric)
    if metric == "params":  # what costs much of the one costs little of the other
        return CostModel(metric, "sum", 2.0, {choice: {f"o{i}": 7.0 - cost for i, cost in enumerate(costs)}
                                              for choice, costs in COSTS.items()})
    return table(metric, combine="max" if metric == "peak_memory_kib" else "sum")


def budgets_of(space: str, kind: str) -> list[Budget]:
    """Halfway between the least and the most; where there are two, each leaves room for the other."""
    shares = {"macs": 0.6, "params": 0.7} if kind == "two" else {}
    reaches = {metric: model_of(space, metric).reachable for metric in BUDGETS[kind]}
    return [Budget(metric, low + shares.get(metric, 0.5) * (high - low)) for metric, (low, high) in reaches.items()]


def run(name: str, space: str, kind: str, folder: Path, *, seed: int = 0, progress: Silent | None = None,
        ) -> SearchResult:
    budgets = budgets_of(space, kind)
    return search(space_of(space), TASK, load_strategy(name), {b.metric: model_of(space, b.metric) for b in budgets},
                  budgets, settings=SearchSettings(epochs=2, batch_size=12), seed=seed, fabric=fabric(),
                  checkpoint=folder / "checkpoint.pt", progress=progress)


class OneEpoch(Silent):
    """Ctrl-C after the first epoch."""

    def advance(self, note: str = "") -> None:
        raise KeyboardInterrupt


def content(result: SearchResult) -> tuple[Any, ...]:
    """All that a search gives but the time it took, comparable."""
    history = [{key: value for key, value in row.to_json().items() if key != "seconds"} for row in result.history]
    return result.scores, history, {key: value.tolist() for key, value in result.supernet.state_dict().items()}


class StrategyContract:
    """Inherit it, and say with the fixture `strategy` which one: a name, or FILE.py:NAME."""

    @pytest.fixture
    def strategy(self) -> str:
        raise NotImplementedError("say with a fixture `strategy` which one is meant")

    @pytest.mark.parametrize(("space", "kind"), CASES)
    def test_it_scores_what_is_allowed_and_holds_every_kind_of_budget(
            self, tmp_path: Path, strategy: str, space: str, kind: str) -> None:
        result, budgets = run(strategy, space, kind, tmp_path), budgets_of(space, kind)
        limits = {b.metric: b.limit for b in budgets if model_of(space, b.metric).combine == "max"}
        allowed = {choice: [c for c in names if all(model_of(space, m).table[choice][c] <= limit
                                                    for m, limit in limits.items())]
                   for choice, names in space_of(space).choices.items()}
        assert {choice: list(names) for choice, names in result.scores.items()} == allowed
        assert all(math.isfinite(score) for names in result.scores.values() for score in names.values())
        if limits:
            assert allowed != {choice: list(names) for choice, names in space_of(space).choices.items()}
        assert all(torch.isfinite(value).all() for value in result.supernet.state_dict().values())
        found = decode(result.scores, [Constraint(model_of(space, b.metric), b.limit) for b in budgets])
        assert found is not None
        space_of(space).check(found)
        for budget in budgets:
            assert model_of(space, budget.metric).predict(found) <= budget.limit

    @pytest.mark.parametrize("space", ["stack", "mobile", "nasbench201"])
    def test_it_repeats_by_its_seed_also_when_it_is_interrupted(
            self, tmp_path: Path, strategy: str, space: str) -> None:
        whole = run(strategy, space, "two", tmp_path / "whole")
        if load_strategy(strategy).trains_supernet:
            with pytest.raises(KeyboardInterrupt):
                run(strategy, space, "two", tmp_path / "parts", progress=OneEpoch())
        torch.manual_seed(99)
        assert content(run(strategy, space, "two", tmp_path / "parts")) == content(whole)

    @pytest.mark.parametrize("space", ["stack", "mobile", "nasbench201"])
    def test_another_seed_is_another_search(self, tmp_path: Path, strategy: str, space: str) -> None:
        whole = run(strategy, space, "two", tmp_path / "whole")
        assert content(run(strategy, space, "two", tmp_path / "other", seed=1)) != content(whole)

    def test_it_says_what_it_is(self, strategy: str) -> None:
        made = load_strategy(strategy)
        assert made.summary and made.paper and made == load_strategy(strategy)
