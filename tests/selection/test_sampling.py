from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, decode
from edgenas.selection.sampling import favour, perturbed, sample
from edgenas.space import Architecture

P = {"a": {"x": 0.6, "y": 0.3, "z": 0.1}, "b": {"x": 0.5, "y": 0.5}}
SCORES = {choice: {name: math.log(p) for name, p in row.items()} for choice, row in P.items()}
COSTS = CostModel("macs", "sum", 0.0, {"a": {"x": 3.0, "y": 2.0, "z": 1.0}, "b": {"x": 3.0, "y": 1.0}})
FREE = [Constraint(COSTS, 100.0)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_samples_are_distinct_within_the_constraints_and_begin_with_the_best_scored() -> None:
    limits = [Constraint(COSTS, 4.0, floor=3.0)]
    found = sample(SCORES, limits, 60, seeded())
    assert found[0] == decode(SCORES, limits)
    assert len(set(found)) == len(found)
    assert {COSTS.predict(a) for a in found} <= {3.0, 4.0}
    assert len(found) == 3  # x+y 4, y+y 3, z+x 4


def test_as_many_as_asked_are_found_however_unlikely_they_are() -> None:
    sure = {choice: {name: 50.0 * (name == "x") for name in row} for choice, row in SCORES.items()}
    assert len(set(sample(sure, FREE, 6, seeded()))) == 6
    assert len(sample(sure, FREE, 99, seeded())) == 6  # there are no more


def test_all_of_a_space_are_found_however_many_draws_bring_nothing_new() -> None:
    names = [f"n{i}" for i in range(8)]
    table = {choice: dict.fromkeys(names, 1.0) for choice in "abc"}
    even = {choice: dict.fromkeys(names, 0.0) for choice in "abc"}
    limits = [Constraint(CostModel("macs", "sum", 0.0, table), 100.0)]
    assert 480 < len(sample(even, limits, 513, seeded())) <= 512  # by then, more than a thousand were drawn in vain


def test_no_more_samples_than_asked_and_none_where_nothing_holds() -> None:
    assert len(sample(SCORES, FREE, 2, seeded())) == 2
    assert sample(SCORES, FREE, 1, seeded()) == [decode(SCORES, FREE)]
    assert sample(SCORES, FREE, 0, seeded()) == []
    assert sample(SCORES, [Constraint(COSTS, 1.0)], 5, seeded()) == []


def test_the_generator_decides_the_samples() -> None:
    one, other = (sample(SCORES, FREE, 5, seeded(seed)) for seed in (0, 5))
    assert one == sample(SCORES, FREE, 5, seeded())
    assert one != other


def test_perturbed_scores_have_the_best_candidates_of_samples_of_the_distribution() -> None:
    generator = seeded()
    draws = [perturbed(SCORES, generator) for _ in range(3000)]
    for choice, row in P.items():
        best = [max(drawn[choice], key=drawn[choice].__getitem__) for drawn in draws]
        assert chisquare([best.count(name) for name in row], [3000 * p for p in row.values()]).pvalue > 1e-3


ROWS = st.dictionaries(st.sampled_from("xyz"), st.floats(-30, 0), min_size=2, max_size=3)


@given(st.lists(ROWS, min_size=1, max_size=4), st.data())
@settings(deadline=None)
def test_favoured_scores_rank_by_shared_picks_and_then_by_the_scores(
        rows: list[dict[str, float]], data: st.DataObject) -> None:
    scores = {f"c{i}": row for i, row in enumerate(rows)}

    def drawn() -> Architecture:
        return Architecture({c: data.draw(st.sampled_from(sorted(row))) for c, row in scores.items()})

    best, one, other = drawn(), drawn(), drawn()
    favoured = favour(scores, best)

    def total(table: dict[str, dict[str, float]], a: Architecture) -> float:
        return sum(table[c][name] for c, name in a.items())

    def shared(a: Architecture) -> int:
        return sum(a[c] == best[c] for c in best)

    after = total(favoured, one) - total(favoured, other)  # type: ignore[arg-type]
    if shared(one) != shared(other):
        assert (after > 0) == (shared(one) > shared(other))
    else:
        assert after == pytest.approx(total(scores, one) - total(scores, other), abs=1e-6)
