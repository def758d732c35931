from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import pytest
import torch
from search.toy import colours, fabric, stack_space, table

from edgenas.cost.budget import Budget
from edgenas.cost.exact import exact_model
from edgenas.cost.model import CostModel
from edgenas.errors import UsageError
from edgenas.search.decode import Constraint
from edgenas.search.search import search
from edgenas.search.settings import SearchSettings
from edgenas.search.strategy import load_strategy
from edgenas.selection.evolution import evolved, fittest, mutated
from edgenas.selection.sampling import sample
from edgenas.space import Architecture, Space, load_space

CHOICES = 10
EVEN = {f"c{i}": dict.fromkeys("abcd", 0.0) for i in range(CHOICES)}
MODEL = CostModel("macs", "sum", 1.0, {choice: {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0} for choice in EVEN})
LIMITS = [Constraint(MODEL, 27.0)]
WORTH = {"a": 0.0, "b": 1.0, "c": 2.5, "d": 3.0}


def worth(architecture: Architecture) -> float:
    """The first choices matter more: which of them to spend the budget on must be found."""
    return sum((CHOICES - i) * WORTH[picked] for i, picked in enumerate(architecture.values())) / 200


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def evolve(count: int, seed: int = 0, limits: list[Constraint] = LIMITS, mutation: float = 0.1,
           ) -> list[tuple[Architecture, float]]:
    return evolved(EVEN, limits, worth, count, 16, mutation, seeded(seed), lambda note: None)


def test_every_network_is_another_one_and_within_the_budget() -> None:
    tried = evolve(60)
    assert len(tried) == len({architecture for architecture, _ in tried}) == 60
    assert all(MODEL.predict(architecture) <= 27.0 for architecture, _ in tried)
    assert [figure for _, figure in tried] == [worth(architecture) for architecture, _ in tried]


def test_the_seed_decides() -> None:
    assert evolve(20) == evolve(20)
    assert evolve(20) != evolve(20, seed=1)


def test_it_finds_better_networks_than_as_many_random_ones() -> None:
    leads = []
    for seed in range(5):
        drawn = max(worth(architecture) for architecture in sample(EVEN, LIMITS, 60, seeded(seed)))
        leads.append(max(figure for _, figure in evolve(60, seed)) - drawn)
    assert sum(lead > 0 for lead in leads) >= 4
    assert sum(leads) > 0


def test_a_child_changes_few_picks_of_its_parent_and_always_one() -> None:
    parent, generator = Architecture(dict.fromkeys(EVEN, "b")), seeded(3)
    changes = []
    for _ in range(300):
        scores = mutated(EVEN, parent, 0.1, generator)
        picked = {choice: max(row, key=row.__getitem__) for choice, row in scores.items()}
        changes.append(sum(picked[choice] != "b" for choice in EVEN))
    assert min(changes) == 1
    assert sum(changes) / 300 == pytest.approx(1 + 0.1 * (CHOICES - 1), abs=0.2)


def test_the_parent_is_the_best_of_a_quarter() -> None:
    living = [(Architecture({"c": str(i)}), i / 8) for i in range(8)]
    drawn = [fittest(living, seeded(seed))["c"] for seed in range(200)]
    assert "0" not in drawn  # the worst of two is never it
    assert drawn.count("7") == pytest.approx(200 * 2 / 8, abs=20)


def test_it_ends_where_there_is_no_other_network() -> None:
    tried = evolve(500, limits=[Constraint(MODEL, 12.0)])  # each choice a, but one b: and none
    assert len(tried) == 1 + CHOICES
    assert evolve(5, limits=[Constraint(MODEL, 3.0)]) == []


@cache
def cell() -> Space:
    return load_space("cell", (3, 8, 8), 4, {"channels": "4", "cells": "1", "nodes": "2", "keep": "1"})


def test_children_hold_what_the_space_asks() -> None:
    space, model = cell(), exact_model(cell(), "macs")
    low, high = model.reachable
    even = {choice: dict.fromkeys(names, 0.0) for choice, names in space.choices.items()}
    tried = evolved(even, [Constraint(model, (low + high) / 2)], lambda a: model.predict(a) / high, 30, 8, 0.2,
                    seeded(), lambda note: None)
    assert len(tried) == 30
    for architecture, _ in tried:
        space.check(architecture)
        assert model.predict(architecture) <= (low + high) / 2


def test_the_supernet_is_asked_for_and_children_are(tmp_path: Path) -> None:
    def refused(name: str, **options: int) -> UsageError:
        with pytest.raises(UsageError) as error:
            search(stack_space(), colours(48), load_strategy(name), {"macs": table()}, [Budget("macs", 9.0)],
                   settings=SearchSettings(scoring="evolution", **options), seed=0, fabric=fabric(),
                   checkpoint=tmp_path / "c.pt")
        return error.value
    assert "evolution asks the trained supernet" in refused("random").message
    assert "leaves no child" in refused("snas", candidates=16).message


def test_every_network_of_a_small_space_can_be_reached() -> None:
    small = {choice: EVEN[choice] for choice in ("c0", "c1")}
    model = CostModel("macs", "sum", 0.0, {choice: MODEL.table[choice] for choice in small})
    tried = evolved(small, [Constraint(model, 99.0)], lambda a: 0.5, 99, 4, 0.5, seeded(), lambda note: None)
    assert {tuple(architecture.values()) for architecture, _ in tried} == set(product("abcd", repeat=2))
