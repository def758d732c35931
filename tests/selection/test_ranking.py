from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edgenas.selection.ranking import ranked
from edgenas.space import Architecture

A, B, C = (Architecture({"a": name}) for name in "xyz")
FIGURES = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=12)


def rows(pairs: list[tuple[float, float]]) -> dict[Architecture, dict[str, float]]:
    return {Architecture({"a": str(i)}): {"one": one, "other": other} for i, (one, other) in enumerate(pairs)}


def test_one_figure_orders_by_itself_and_equals_stay_in_order() -> None:
    assert ranked({A: {"validation": 0.5}, B: {"validation": 0.75}, C: {"validation": 0.5}}) == [B, A, C]
    assert ranked({}) == []
    assert ranked({A: {}}) == [A]


def test_a_low_rank_costs_more_than_a_high_rank_makes_good() -> None:
    """log 3/3 + log 1/3 < 2 log 2/3, where the plain sums of ranks are equal."""
    assert math.log(1 / 3) < 2 * math.log(2 / 3)
    figures = {A: {"one": 9.0, "other": 1.0}, B: {"one": 5.0, "other": 5.0}, C: {"one": 1.0, "other": 9.0}}
    assert ranked(figures) == [B, A, C]


def test_what_cannot_be_measured_comes_last() -> None:
    assert ranked({A: {"one": -math.inf, "other": 2.0}, B: {"one": 1.0, "other": 2.0}}) == [B, A]


@given(FIGURES)
def test_no_architecture_comes_before_one_that_is_better_by_every_figure(pairs: list[tuple[float, float]]) -> None:
    figures = rows(pairs)
    order = ranked(figures)
    assert sorted(order, key=list(figures).index) == list(figures)
    for i, worse in enumerate(order):
        for better in order[i + 1:]:
            assert not all(figures[better][name] > figures[worse][name] for name in ("one", "other"))


@given(FIGURES)
def test_only_the_order_of_a_figure_counts(pairs: list[tuple[float, float]]) -> None:
    ranks = {value: float(place) for place, value in enumerate(sorted({one for one, _ in pairs}))}
    assert ranked(rows(pairs)) == ranked(rows([(ranks[one], other) for one, other in pairs]))
