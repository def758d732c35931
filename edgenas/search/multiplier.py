"""Lagrange multipliers: learned pressure towards the budgets, instead of a weight that a person tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edgenas.cost.budget import Budget
from edgenas.cost.model import CostModel

RATE = 2.0
ASCENTS = 20  # steps of the dual ascent after each step of the architecture: its problem is tiny


class Multipliers(nn.Module):
    """One learned multiplier per summed budget, which tilts the choices' distributions until they hold it.

    Of all distributions p, softmax(logits - Σ μ·c/T) is the one that maximises Σ p·logits + entropy(p) among those
    whose expected cost E holds the targets T (c: the candidates' costs), if the multipliers μ >= 0 solve the dual
    problem. Dual ascent solves it along with the search: μ <- max(0, μ + rate · (E/T − 1)), as in LightNAS
    (arXiv:2208.12446).

    Where we differ from that and from a penalty in the loss: the multiplier acts on the distribution, not through the
    logits' own gradient. So logits learn from the loss alone; a budget can be met at once, cannot push past its target,
    and does not wear off candidates that would be worth their cost. The integer program decodes by the untilted scores.

    With `learned` false the multipliers stay 0 and nothing is tilted.

    The target T is below the limit by the cost model's margin. Costs that combine as a maximum are met by removing
    candidates; see `allowed`.
    """

    value: Tensor
    tables: Tensor
    targets: Tensor
    fixed: Tensor

    def __init__(self, choices: Mapping[str, tuple[str, ...]], models: Mapping[str, CostModel],
                 budgets: Sequence[Budget], *, learned: bool = True) -> None:
        super().__init__()
        summed = [b for b in budgets if models[b.metric].combine == "sum"]
        self.metrics = [b.metric for b in summed]
        widest = max(len(names) for names in choices.values())
        tables = [models[m].tensor(choices) for m in self.metrics]
        self.register_buffer("tables", torch.stack(tables) if tables else torch.zeros(0, len(choices), widest))
        self.register_buffer("fixed", torch.tensor([models[m].fixed + models[m].bias for m in self.metrics]))
        self.register_buffer("targets", torch.tensor([b.limit / (1 + models[b.metric].margin) for b in summed]))
        self.register_buffer("value", torch.zeros(len(summed)))
        spread = (self.tables.amax(2) - self.tables.amin(2)) / self.targets[:, None]
        # The dual's curvature is the variance of E/T, at most a quarter of the squared spread: so no step overshoots.
        self.rate = min(RATE, 4 / max(float((spread**2).sum()), 1e-9))
        self.learned = learned

    def cost(self, weights: Tensor) -> Tensor:
        """Cost per budget, linear in the path weights (choices, candidates); in the metrics' units."""
        return self.fixed + (self.tables * weights).sum((1, 2))

    def tilt(self, logits: Tensor) -> Tensor:
        """The logits less each candidate's costs at the multipliers' prices."""
        return logits - ((self.value / self.targets)[:, None, None] * self.tables).sum(0)

    @torch.no_grad()
    def ascend(self, logits: Tensor) -> None:
        """Dual ascent on the expected cost under the tilted logits."""
        for _ in range(ASCENTS if self.metrics and self.learned else 0):
            violation = self.cost(torch.softmax(self.tilt(logits), dim=1)) / self.targets - 1
            self.value.copy_((self.value + self.rate * violation).clamp(min=0))


def allowed(choices: Mapping[str, tuple[str, ...]], models: Mapping[str, CostModel],
            budgets: Sequence[Budget]) -> Tensor:
    """(choices, candidates) bool: candidates that exist and that no budget of a maximum (peak memory) rules out."""
    widest = max(len(names) for names in choices.values())
    mask = torch.zeros(len(choices), widest, dtype=torch.bool)
    maxima = [(models[b.metric], b.limit) for b in budgets if models[b.metric].combine == "max"]
    for row, (choice, names) in enumerate(choices.items()):
        for column, name in enumerate(names):
            mask[row, column] = all(model.alone(choice, name) + model.bias <= limit for model, limit in maxima)
    return mask
