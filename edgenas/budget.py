"""A budget: a hard limit on what the network may cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgenas.cost.metrics import metric_of
from edgenas.cost.model import CostModel
from edgenas.errors import BudgetError, UsageError


@dataclass(frozen=True)
class Request:
    """A budget as a user states it: a figure in the metric's unit, or a share of the largest network's cost."""

    metric: str
    value: float
    is_share: bool = False

    @property
    def text(self) -> str:
        return f"{self.value * 100:g}%" if self.is_share else f"{self.value:g}"


@dataclass(frozen=True)
class Budget:
    """limit: in the metric's own unit, which its name says."""

    metric: str
    limit: float


def parse(text: str) -> Request:
    """`latency_ms=0.3`, `macs=5e6`, `latency_ms=50%`.

    Raises: UsageError for a missing metric, an unknown one, or a value that is no positive number.
    """
    metric, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"budget {text!r} does not say of what", f"write for example --budget latency_ms={text}")
    return request(metric, value)


def request(metric: str, value: str) -> Request:
    """A request for `metric` from a text such as `0.3` or `50%`."""
    metric_of(metric)
    is_share = value.endswith("%")
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        raise UsageError(f"budget {metric}={value} is no number",
                         f"write for example {metric}=0.3, or {metric}=50% of the largest network") from None
    if not math.isfinite(number) or number <= 0:
        raise UsageError(f"budget {metric}={value} must be above zero")
    if is_share and number > 100:
        raise UsageError(f"budget {metric}={value} is above 100% of the largest network")
    return Request(metric, number / 100 if is_share else number, is_share)


def resolve(requests: Sequence[Request], models: Mapping[str, CostModel]) -> list[Budget]:
    """Turn shares into figures, and refuse what no network of the space can hold.

    Raises: BudgetError giving the reachable range; UsageError for a metric given twice.
    """
    budgets = [Budget(r.metric, r.value * models[r.metric].reachable[1] if r.is_share else r.value) for r in requests]
    for budget in budgets:
        if sum(other.metric == budget.metric for other in budgets) > 1:
            raise UsageError(f"the budget of {budget.metric} is given twice")
        smallest, largest = models[budget.metric].reachable
        if budget.limit < smallest:
            raise BudgetError(f"no network of this space holds {budget.metric} = {budget.limit:.4g}: "
                              f"the space reaches from {smallest:.4g} to {largest:.4g}",
                              f"--budget {budget.metric}={ceil_figures(smallest * 1.1)}, or a narrower space: "
                              f"--set space.width=0.5")
    return budgets


def ceil_figures(value: float, figures: int = 3) -> str:
    """`value` rounded up to some significant figures, as text."""
    step = 10.0 ** (math.floor(math.log10(value)) - figures + 1)
    return f"{math.ceil(value / step) * step:.{figures}g}"
