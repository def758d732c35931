"""The papers' own penalties on the cost, to compare with: in the loss, instead of the learned multipliers.

None of them pulls to its target, whatever weight it has; the integer program alone makes decoded networks hold the
budget. Each takes the loss, the costs and their targets (one entry per summed budget), latency in microseconds, and
every other cost in its metric's unit. Several budgets are multiplied or summed as one is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from edgenas.cost.budget import Budget
from edgenas.cost.metrics import bare
from edgenas.cost.model import CostModel
from edgenas.errors import UsageError
from edgenas.search.settings import PenaltyName

UNITS = {"latency_ms": 1000.0}


@dataclass(frozen=True)
class Penalty(ABC):
    """expected: the cost is that under the choices' probabilities; if not, that of the sampled weights.
    logarithmic: takes the logarithm of the cost, which must be above 1 in its unit."""

    expected: ClassVar[bool] = False
    logarithmic: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, loss: Tensor, costs: Tensor, targets: Tensor) -> Tensor:
        """The loss with the penalty."""


@dataclass(frozen=True)
class ProxylessProduct(Penalty):
    """α · loss · (log E / log T)^β of the expected cost E: the authors' code for mobile targets ("mul#log"), with its
    defaults (ProxylessNAS, arXiv:1812.00332, whose text has only the sum)."""

    expected: ClassVar[bool] = True
    logarithmic: ClassVar[bool] = True
    alpha: float = 0.2
    beta: float = 0.3

    def __call__(self, loss: Tensor, costs: Tensor, targets: Tensor) -> Tensor:
        return self.alpha * loss * ((costs.log() / targets.log()) ** self.beta).prod()


@dataclass(frozen=True)
class ProxylessSum(Penalty):
    """loss + λ Σ (E − T) / T of the expected cost E (ProxylessNAS, arXiv:1812.00332, eq. 6; "add#linear" in the
    authors' code, with its default)."""

    expected: ClassVar[bool] = True
    weight: float = 0.1

    def __call__(self, loss: Tensor, costs: Tensor, targets: Tensor) -> Tensor:
        return loss + self.weight * (costs / targets - 1).sum()


@dataclass(frozen=True)
class Fbnet(Penalty):
    """loss · α log(C)^β of the sampled weights' cost C (FBNet, arXiv:1812.03443, eq. 2, with its coefficients)."""

    logarithmic: ClassVar[bool] = True
    alpha: float = 0.2
    beta: float = 0.6

    def __call__(self, loss: Tensor, costs: Tensor, targets: Tensor) -> Tensor:
        return loss * (self.alpha * costs.log() ** self.beta).prod()


@dataclass(frozen=True)
class Snas(Penalty):
    """loss + η Σ C / T, linear in the sampled weights (SNAS, arXiv:1812.09926, eq. 8). The paper names no η and no
    unit; costs are taken as shares of their targets, η from the authors' published command."""

    weight: float = 0.01

    def __call__(self, loss: Tensor, costs: Tensor, targets: Tensor) -> Tensor:
        return loss + self.weight * (costs / targets).sum()


PENALTIES: Mapping[str, type[Penalty]] = {"proxyless_product": ProxylessProduct, "proxyless_sum": ProxylessSum,
                                          "fbnet": Fbnet, "snas": Snas}


def penalty_of(name: PenaltyName, models: Mapping[str, CostModel], budgets: Sequence[Budget]) -> Penalty | None:
    """The named penalty; None for "multiplier", and where there is no summed budget to charge for.

    Raises: UsageError where a logarithm's cost may be 1 or less.
    """
    summed = [b.metric for b in budgets if models[b.metric].combine == "sum"]
    if name == "multiplier" or not summed:
        return None
    found = PENALTIES[name]()
    for metric in summed:
        low = models[metric].reachable[0] * UNITS.get(bare(metric), 1.0)
        if found.logarithmic and low <= 1:
            unit = "µs" if bare(metric) == "latency_ms" else metric
            raise UsageError(f"penalty {name} takes the logarithm of the cost, which must be above 1 {unit}; this "
                             f"space reaches down to {low:.4g}", "--set search.penalty=proxyless_sum")
    return found


def units(metrics: Sequence[str]) -> Tensor:
    """What to multiply costs of these metrics with for a penalty."""
    return torch.tensor([UNITS.get(bare(metric), 1.0) for metric in metrics])
