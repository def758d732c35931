from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.model import CostModel
from edgenas.search.decode import Constraint, decode
from edgenas.space import Architecture

WHOLE = st.integers(0, 12).map(float)


@dataclass
class Instance:
    scores: dict[str, dict[str, float]]
    constraints: list[Constraint]
    exclude: set[Architecture]

    @property
    def architectures(self) -> list[Architecture]:
        return [Architecture(dict(zip(self.scores, picks, strict=True))) for picks in product(*self.scores.values())]

    def score(self, architecture: Architecture) -> float:
        return sum(self.scores[choice][candidate] for choice, candidate in architecture.items())

    def holds(self, architecture: Architecture) -> bool:
        return architecture not in self.exclude and all(
            c.floor - 1e-9 <= c.model.predict(architecture) <= c.limit + 1e-9 for c in self.constraints)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """Costs, limits and biases are whole numbers, so that no feasibility hangs on rounding."""
    sizes = draw(st.lists(st.integers(2, 4), min_size=2, max_size=4))
    names = {f"c{i}": [f"o{j}" for j in range(size)] for i, size in enumerate(sizes)}
    scores = {c: {o: draw(st.integers(-500, 0)) / 100 for o in options} for c, options in names.items()}

    def model(combine: str) -> CostModel:
        bias = float(draw(st.integers(-4, 4)))
        return CostModel("macs", combine, draw(WHOLE), {c: {o: draw(WHOLE) for o in options}
                                                         for c, options in names.items()}, bias=bias)

    constraints = []
    for _ in range(draw(st.integers(1, 2))):
        limit = float(draw(st.integers(1, 40)))
        floor = limit - draw(st.integers(0, 10)) if draw(st.booleans()) else -math.inf
        constraints.append(Constraint(model("sum"), limit, floor))
    if draw(st.booleans()):
        constraints.append(Constraint(model("max"), float(draw(st.integers(1, 14)))))
    instance = Instance(scores, constraints, set())
    instance.exclude = set(draw(st.lists(st.sampled_from(instance.architectures), max_size=4)))
    return instance


def test_a_limit_that_leaves_nothing_for_the_choices_is_held_by_free_candidates() -> None:
    model = CostModel("macs", "sum", 0.0, {"a": {"x": 0.0, "y": 1.0}}, bias=1.0)
    assert decode({"a": {"x": 0.0, "y": 1.0}}, [Constraint(model, 1.0)]) == {"a": "x"}


@given(instances())
@settings(deadline=None, max_examples=150)
def test_the_best_architecture_that_holds_everything_is_found_or_there_is_none(instance: Instance) -> None:
    found = decode(instance.scores, instance.constraints, instance.exclude)
    feasible = [a for a in instance.architectures if instance.holds(a)]
    if not feasible:
        assert found is None
    else:
        assert found is not None
        assert set(found) == set(instance.scores)
        assert instance.holds(found)
        assert instance.score(found) == pytest.approx(max(map(instance.score, feasible)), abs=1e-6)


@given(instances())
@settings(deadline=None, max_examples=15)
def test_excluding_what_was_found_gives_all_others_by_falling_score(instance: Instance) -> None:
    feasible = [a for a in instance.architectures if instance.holds(a)]
    found: list[Architecture] = []
    while len(found) < 12 and (best := decode(instance.scores, instance.constraints, [*instance.exclude, *found])):
        found.append(best)
    assert len(set(found)) == len(found) == min(12, len(feasible))
    best_scores = sorted(map(instance.score, feasible), reverse=True)[:12]
    assert [instance.score(a) for a in found] == pytest.approx(best_scores, abs=1e-6)


def model(costs: tuple[float, ...], metric: str = "macs", combine: str = "sum") -> CostModel:
    names = ("x", "y", "z")
    return CostModel(metric, combine, 0.0, {c: dict(zip(names, costs, strict=True)) for c in "ab"})


SCORES = {c: {"x": -3.0, "y": -2.0, "z": -1.0} for c in "ab"}


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e9])
def test_the_limit_itself_is_within_and_what_is_a_little_above_is_not(unit: float) -> None:
    costs = model((1 * unit, 2 * unit, 4 * unit))
    assert decode(SCORES, [Constraint(costs, 8 * unit)]) == Architecture({"a": "z", "b": "z"})
    below = decode(SCORES, [Constraint(costs, 7.999 * unit)])
    assert below is not None
    assert costs.predict(below) == pytest.approx(6 * unit)


@pytest.mark.parametrize("over", [1, 2, 20])
def test_a_limit_of_millions_is_not_missed_by_one(over: int) -> None:
    costs = model((1e6, 2e6, 2.5e6 + over))
    found = decode(SCORES, [Constraint(costs, 5e6)])
    assert found is not None
    assert costs.predict(found) == 4.5e6 + over


def test_latency_and_macs_are_met_at_once_whatever_their_units() -> None:
    ms, macs = model((3e-4, 2e-4, 1e-4), "latency_ms"), model((1e6, 2e6, 4e6))
    found = decode(SCORES, [Constraint(ms, 5.01e-4), Constraint(macs, 3.1e6)])
    assert found in (Architecture({"a": "x", "b": "y"}), Architecture({"a": "y", "b": "x"}))
    assert decode(SCORES, [Constraint(ms, 2.9e-4), Constraint(macs, 4.1e6)]) is None


def test_a_maximum_removes_what_is_above_it_alone() -> None:
    memory = model((1.0, 2.0, 3.0), "peak_memory_kib", "max")
    assert decode(SCORES, [Constraint(memory, 2.0)]) == Architecture({"a": "y", "b": "y"})
    assert decode(SCORES, [Constraint(memory, 0.5)]) is None
    fixed = CostModel("peak_memory_kib", "max", 5.0, memory.table)
    assert decode(SCORES, [Constraint(fixed, 4.0)]) is None


def test_what_candidates_add_to_a_maximum_counts_for_all_of_them() -> None:
    table = {"a": {"x": 1.0, "y": 2.0, "z": 3.0}, "b": {"x": 1.0, "y": 2.0, "z": 3.0}}
    added = {"a": {"x": 0.0, "y": 0.5, "z": 1.0}, "b": {"x": 0.0, "y": 0.5, "z": 2.0}}
    memory = CostModel("peak_memory_kib", "max", 2.5, table, bias=1.0, added=added)
    every = [Architecture({"a": a, "b": b}) for a in "xyz" for b in "xyz"]
    assert memory.predict(Architecture({"a": "z", "b": "y"})) == 3.0 + 1.0 + 1.5
    assert memory.reachable == (3.5, 7.0)
    for limit in (3.4, 3.5, 4.0, 4.4, 4.5, 5.0, 5.5, 6.0, 7.0):
        best = max((sum(SCORES[c][n] for c, n in a.items()) for a in every if memory.predict(a) <= limit), default=None)
        found = decode(SCORES, [Constraint(memory, limit)])
        assert (found is None) == (best is None)
        assert found is None or (memory.predict(found) <= limit and sum(SCORES[c][n] for c, n in found.items()) == best)


def test_candidates_without_a_score_are_never_picked() -> None:
    scores = {"a": {"x": -3.0, "y": -2.0}, "b": SCORES["b"]}
    assert decode(scores, [Constraint(model((1.0, 1.0, 1.0)), 9.0)]) == Architecture({"a": "y", "b": "z"})
    gone = Architecture({"a": "z", "b": "z"})
    assert decode(scores, [Constraint(model((1.0, 1.0, 1.0)), 9.0)], [gone]) == Architecture({"a": "y", "b": "z"})


def test_without_a_constraint_every_choice_takes_its_best() -> None:
    assert decode(SCORES, []) == Architecture({"a": "z", "b": "z"})


def test_the_optimum_is_proved_however_close_the_scores_are() -> None:
    scores = {f"c{i}": {"x": 0.0, "y": 1e-5 * (i + 1)} for i in range(12)}
    costs = CostModel("macs", "sum", 0.0, {c: {"x": 0.0, "y": 1.0 + i % 3} for i, c in enumerate(scores)})
    found = decode(scores, [Constraint(costs, 9.0)])
    assert found is not None
    best = max(sum(1e-5 * (i + 1) for i in range(12) if mask >> i & 1) for mask in range(4096)
               if sum(1 + i % 3 for i in range(12) if mask >> i & 1) <= 9)
    assert sum(scores[c][o] for c, o in found.items()) == pytest.approx(best, rel=1e-3)
