"""Lagrange multipliers: learned pressure towards the budgets, instead of a weight that a person tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgenas.budget import Budget
from edgenas.cost.model import CostModel


@dataclass(frozen=True)
class Ascent:
    """rate: step of the dual ascent. damping: strength of the quadratic term that keeps it from oscillating."""

    rate: float = 0.02
    damping: float = 1.0


class Multipliers(nn.Module):
    """Dual ascent on one multiplier per summed budget: λ <- max(0, λ + rate · (E/T − 1)).

    E: expected cost under the path probabilities, T: the target, below the limit by the cost model's margin. The
    penalty λ·v + damping/2 · max(0, v)² of the violation v = E/T − 1 (the damped method of multipliers, Platt and
    Barr, NIPS 1987; for latency, LightNAS, arXiv:2208.12446, with λ of either sign) pulls to the target itself: T
    does more than rescale. Costs that combine as a maximum are met by removing candidates; see `allowed`.
    """

    value: Tensor
    tables: Tensor

    def __init__(self, choices: Mapping[str, tuple[str, ...]], models: Mapping[str, CostModel],
                 budgets: Sequence[Budget], ascent: Ascent) -> None:
        super().__init__()
        summed = [b for b in budgets if models[b.metric].combine == "sum"]
        self.metrics = [b.metric for b in summed]
        self.ascent = ascent
        widest = max(len(names) for names in choices.values())
        tables = [models[m].tensor(choices) for m in self.metrics]
        self.register_buffer("tables", torch.stack(tables) if tables else torch.zeros(0, len(choices), widest))
        self.register_buffer("fixed", torch.tensor([models[m].fixed + models[m].bias for m in self.metrics]))
        self.register_buffer("targets", torch.tensor([b.limit / (1 + models[b.metric].margin) for b in summed]))
        self.register_buffer("value", torch.zeros(len(summed)))

    def cost(self, weights: Tensor) -> Tensor:
        """Cost per budget, linear in the path weights (choices, candidates); in the metrics' units."""
        fixed: Tensor = self.get_buffer("fixed")
        return fixed + (self.tables * weights).sum((1, 2))

    def penalty(self, weights: Tensor) -> Tensor:
        violation = self._violation(weights)
        return (self.value * violation + self.ascent.damping / 2 * violation.clamp(min=0) ** 2).sum()

    @torch.no_grad()
    def ascend(self, probabilities: Tensor) -> None:
        """One step of the dual ascent, on the expected cost under `probabilities`."""
        self.value.copy_((self.value + self.ascent.rate * self._violation(probabilities)).clamp(min=0))

    def _violation(self, weights: Tensor) -> Tensor:
        return self.cost(weights) / self.get_buffer("targets") - 1


def allowed(choices: Mapping[str, tuple[str, ...]], models: Mapping[str, CostModel],
            budgets: Sequence[Budget]) -> Tensor:
    """(choices, candidates) bool: candidates that exist and that no budget of a maximum (peak memory) rules out."""
    widest = max(len(names) for names in choices.values())
    mask = torch.zeros(len(choices), widest, dtype=torch.bool)
    maxima = [(models[b.metric], b.limit) for b in budgets if models[b.metric].combine == "max"]
    for row, (choice, names) in enumerate(choices.items()):
        for column, name in enumerate(names):
            mask[row, column] = all(model.table[choice][name] <= limit for model, limit in maxima)
    return mask
