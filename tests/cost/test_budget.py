from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgenas.cost.budget import Budget, Request, ceil_figures, parse, request, resolve
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError, UsageError


def model(metric: str = "latency_ms", fixed: float = 0.05, combine: str = "sum") -> CostModel:
    return CostModel(metric, combine, fixed, {"a": {"x": 0.1, "y": 0.3}, "b": {"x": 0.0, "y": 0.05}})


MODELS = {"latency_ms": model(), "macs": model("macs", 7.0)}


@pytest.mark.parametrize(("text", "found"), [
    ("latency_ms=0.3", Request("latency_ms", 0.3)),
    ("macs=5e6", Request("macs", 5e6)),
    ("latency_ms=50%", Request("latency_ms", 0.5, is_share=True)),
    ("peak_memory_kib=100%", Request("peak_memory_kib", 1.0, is_share=True)),
])
def test_a_budget_is_a_metric_and_a_figure_or_a_share(text: str, found: Request) -> None:
    assert parse(text) == found
    assert request(*text.split("=")) == found


@pytest.mark.parametrize(("text", "shown"), [
    ("latency_ms=0.30", "0.3"), ("macs=5e6", "5e+06"), ("macs=50.0%", "50%"), ("macs=12.5%", "12.5%")])
def test_a_request_prints_as_it_was_meant(text: str, shown: str) -> None:
    assert parse(text).text == shown
    assert parse(f"{parse(text).metric}={parse(text).text}") == parse(text)


@pytest.mark.parametrize(("text", "message"), [
    ("latency_ms=0", "budget latency_ms=0 must be above zero"),
    ("latency_ms=-1", "budget latency_ms=-1 must be above zero"),
    ("latency_ms=0%", "budget latency_ms=0% must be above zero"),
    ("latency_ms=-5%", "budget latency_ms=-5% must be above zero"),
    ("latency_ms=nan", "budget latency_ms=nan must be above zero"),
    ("latency_ms=inf", "budget latency_ms=inf is above 1e+15, the largest that is taken"),
    ("latency_ms=nan%", "budget latency_ms=nan% must be above zero"),
    ("latency_ms=150%", "budget latency_ms=150% is above 100% of the largest network"),
    ("latency_ms=fast", "budget latency_ms=fast is no number"),
    ("latency_ms=", "budget latency_ms= is no number"),
    ("latency_ms=%", "budget latency_ms=% is no number"),
    ("latency_ms=5ms", "budget latency_ms=5ms is no number"),
    ("5", "budget '5' does not say of what"),
    ("fast", "budget 'fast' does not say of what"),
    ("latency=5", "'latency' is no known metric"),
    ("=5", "'' is no known metric"),
])
def test_what_is_no_budget_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        parse(text)


def test_hints_say_what_to_type() -> None:
    for text, hint in (("5", "--budget latency_ms=5"), ("latency_ms=fast", "latency_ms=0.3"),
                       ("latency=5", "did you mean 'latency_ms'")):
        with pytest.raises(UsageError) as caught:
            parse(text)
        assert hint in caught.value.hint


def test_shares_are_of_the_largest_network() -> None:
    budgets = resolve([parse("latency_ms=75%"), parse("macs=7.2")], MODELS)
    assert [b.metric for b in budgets] == ["latency_ms", "macs"]
    assert [b.limit for b in budgets] == pytest.approx([0.75 * 0.4, 7.2])


def test_what_no_network_can_hold_is_refused_with_the_reachable_range() -> None:
    with pytest.raises(BudgetError) as caught:
        resolve([parse("macs=7.2"), parse("latency_ms=0.149")], MODELS)
    assert "latency_ms = 0.149" in caught.value.message
    assert "from 0.15 to 0.4" in caught.value.message
    assert caught.value.exit_code == 3
    suggested = re.match(r"--budget (\S+?), ", caught.value.hint)
    assert suggested is not None
    (budget,) = resolve([parse(suggested[1])], MODELS)
    assert 0.15 < budget.limit < 0.17
    assert resolve([parse("macs=7.1")], MODELS) == [Budget("macs", 7.1)]
    with pytest.raises(BudgetError, match="from 0.15 to 0.4"):
        resolve([parse("latency_ms=37%")], MODELS)


def test_a_budget_above_the_largest_network_is_held_by_all() -> None:
    assert resolve([parse("latency_ms=9")], MODELS) == [Budget("latency_ms", 9.0)]


def test_a_metric_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="the budget of latency_ms is given twice"):
        resolve([parse("latency_ms=0.3"), parse("macs=8"), parse("latency_ms=50%")], MODELS)


@given(st.floats(1e-6, 1e12))
@settings(deadline=None)
def test_a_rounded_up_figure_is_not_below_and_little_above(value: float) -> None:
    text = ceil_figures(value)
    assert value * (1 - 1e-9) <= float(text) <= value * 1.0101
    assert len(re.sub(r"e.*|\.|^0\.0*", "", text).strip("0")) <= 3
