"""A budget: a hard limit on what the network may cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgenas.cost.metrics import bare, metric_of
from edgenas.errors import BudgetError, UsageError
from edgenas.text import QUOTED, one_line, quoted

if TYPE_CHECKING:
    from edgenas.cost.model import CostModel

LARGEST = 1e15
"""Of a budget, in any metric's unit."""


@dataclass(frozen=True)
class Request:
    """A budget as a user states it: a figure in the metric's unit, or a share of the largest network's cost.

    metric: with `@DEVICE` or `@DEVICE/RUNTIME` behind it where that is not the run's own device.
    """

    metric: str
    value: float
    is_share: bool = False

    @property
    def text(self) -> str:
        return f"{self.value * 100:g}%" if self.is_share else f"{self.value:g}"

    @property
    def here(self) -> Request:
        """The same, as if the device were the run's own."""
        return replace(self, metric=bare(self.metric))


@dataclass(frozen=True)
class Budget:
    """limit: in the metric's own unit, which its name says."""

    metric: str
    limit: float


def parse(text: str) -> Request:
    """`latency_ms=0.3`, `macs=5e6`, `latency_ms=50%`, `latency_ms@pixel1=80`.

    Raises: UsageError for a missing metric, an unknown one, or a value that is no positive number.
    """
    metric, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"budget {quoted(text)} does not say of what",
                         f"write for example --budget latency_ms={one_line(text, QUOTED)}")
    return request(metric, value)


def request(metric: str, value: str) -> Request:
    """A request for `metric` from a text such as `0.3` or `50%`."""
    definition = metric_of(metric)
    if "@" in metric and not place_of(metric):
        raise UsageError(f"budget {metric}={value} names no device", f"write for example {definition.name}@pixel1=80")
    is_share = value.endswith("%")
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        raise UsageError(f"budget {metric}={one_line(value, QUOTED)} is no number",
                         f"write for example {metric}=0.3, or {metric}=50% of the largest network") from None
    if not number > 0:
        raise UsageError(f"budget {metric}={value} must be above zero")
    if number > LARGEST:
        raise UsageError(f"budget {metric}={one_line(value, QUOTED)} is above {LARGEST:g}, the largest that is taken",
                         f"write for example {metric}=50%")
    if is_share and number > 100:
        raise UsageError(f"budget {metric}={value} is above 100% of the largest network")
    return Request(metric, number / 100 if is_share else number, is_share)


def place_of(metric: str) -> str:
    """The device, and perhaps the runtime, that a budget names: `pixel1/litert`; empty for the run's own."""
    return metric.partition("@")[2]


def split_place(place: str) -> tuple[str, str | None]:
    """Device and runtime: `pixel1`, `pixel1/litert`, `./board.toml` or `./board.toml/litert`."""
    device, slash, runtime = place.rpartition("/")
    return (device, runtime) if slash and not place.endswith(".toml") else (place, None)


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
