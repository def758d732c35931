from __future__ import annotations

import pytest

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel
from edgenas.search.decode import even
from edgenas.selection.limits import FLOOR, LOW_FLOOR, constraints_of, floors, safe, well_used

TABLE = {"a": {name: cost for name, cost in zip("pqrst", (1.0, 7.6, 8.2, 9.2, 9.6), strict=True)}}


def using(*names: str, floor: float = FLOOR, limit: float = 10.0) -> float:
    """The share of the budget that is asked for, of a space with these candidates."""
    table = {"a": {name: TABLE["a"][name] for name in names}}
    model = CostModel("latency_ms", "sum", 0.0, table)
    (found,) = well_used(even(table), {"latency_ms": model}, [Budget("latency_ms", limit)], floor)
    return max(0.0, found.floor / limit)


@pytest.mark.parametrize(("names", "share"), [("pqrst", 0.95), ("pqrs", 0.9), ("pqr", 0.8), ("pq", 0.0)])
def test_as_much_of_the_budget_is_asked_for_as_any_network_uses(names: str, share: float) -> None:
    assert using(*names) == pytest.approx(share)


def test_where_less_is_asked_for_more_is_not() -> None:
    assert using(*"pqrst", floor=LOW_FLOOR) == pytest.approx(0.8)
    assert floors(FLOOR) == [0.95, 0.9, 0.8, 0.0] and floors(LOW_FLOOR) == [0.8, 0.0]


def test_a_cautious_limit_has_its_floor_below_it() -> None:
    budget, model = Budget("latency_ms", 10.0), CostModel("latency_ms", "sum", 0.0, TABLE, margin=0.3)
    (found,) = constraints_of({"latency_ms": model}, [budget], caution=1.0, floor=FLOOR)
    assert found.limit == pytest.approx(safe(budget) / 1.3) and found.floor == pytest.approx(9.5 / 1.3)
