"""Everything that changes during a search, and the checkpoint that continues it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from edgenas.errors import BudgetError
from edgenas.search.decode import Constraint, Scores, decode
from edgenas.search.multiplier import Multipliers
from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.penalty import Penalty, units
from edgenas.search.relaxation import Paths, Relaxation
from edgenas.space.architecture import Architecture
from edgenas.space.choice import Route, places_of
from edgenas.space.solver import Row

Batch = tuple[Tensor, Tensor]


@dataclass
class SearchState:
    """generator: drives every random draw of the current epoch, so that an epoch depends on its number alone.
    penalty: what the architecture pays for its cost, where that is in the loss and not in the multipliers.
    constraints, rows: what a decoded architecture must hold. stage: its number and how many there are."""

    fabric: Fabric
    supernet: nn.Module
    parameters: ArchitectureParameters
    multipliers: Multipliers
    weight_optimizer: torch.optim.Optimizer
    architecture_optimizer: torch.optim.Optimizer
    generator: torch.Generator
    label_smoothing: float = 0.0
    penalty: Penalty | None = None
    constraints: Sequence[Constraint] = ()
    rows: Sequence[Row] = ()
    stage: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        self._places = list(places_of(self.supernet).values())
        self._weights: Tensor | None = None

    @property
    def network(self) -> nn.Module:
        """The supernet without Fabric's wrapper."""
        return cast(nn.Module, self.supernet.module)

    @property
    def logits(self) -> Tensor:
        """The architecture's logits, tilted so that the expected costs hold the budgets."""
        return self.multipliers.tilt(self.parameters.logits)

    @property
    def prices(self) -> Tensor:
        """(choices, candidates): what the multipliers take from the logits."""
        return -self.multipliers.tilt(torch.zeros_like(self.parameters.values))

    @property
    def probabilities(self) -> Tensor:
        return torch.softmax(self.logits, dim=1)

    def route(self, relaxation: Relaxation) -> Paths:
        """Sample paths and send the supernet's next forward pass along them."""
        paths = relaxation.sample(self.logits, self.generator)
        self._weights = paths.weights
        mask, closed = self.parameters.mask.tolist(), (paths.weights == 0).tolist()
        for i, (places, active) in enumerate(zip(self._places, paths.active.tolist(), strict=True)):
            computed = tuple(dict.fromkeys(j for j in active if mask[i][j]))
            route = Route(tuple(active)) if paths.single else Route(
                computed, paths.weights[i], frozenset(j for j in computed if closed[i][j]))
            transit = route if paths.derived is None else Route((int(paths.derived[i]),))
            for choice in places[:-1]:
                choice.route = transit
            places[-1].route = route
        return paths

    def derived(self, scores: Scores) -> Architecture:
        """The architecture that would be decoded from these scores now.

        Raises: BudgetError when none holds the budgets.
        """
        found = decode(self.parameters.completed(scores), self.constraints, asked=self.rows)
        if found is None:
            raise BudgetError("no network of this space holds the budgets", "raise one: --budget METRIC=LIMIT")
        return found

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Cross-entropy of the supernet on a batch, and the share of right predictions.

        Where the routed paths learn the architecture, the loss's gradient is that of the penalised loss.
        """
        images, labels = batch
        logits = self.supernet(images)
        right = float((logits.detach().argmax(1) == labels).float().mean())
        return self.priced(self.cross_entropy(logits, labels)), right

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)

    def priced(self, loss: Tensor) -> Tensor:
        """The same value with the gradient of the penalised loss, as the routed paths' cost gives it."""
        if self.penalty is None or self._weights is None or not self._weights.requires_grad:
            return loss
        penalised = self.charged(loss, self.probabilities if self.penalty.expected else self._weights)
        return loss.detach() + penalised - penalised.detach()

    def charged(self, loss: Tensor, weights: Tensor) -> Tensor:
        """The loss with the penalty, if there is one, on the cost of these path weights."""
        if self.penalty is None:
            return loss
        unit = units(self.multipliers.metrics).to(weights.device)
        return self.penalty(loss, self.multipliers.cost(weights) * unit, self.multipliers.targets * unit)

    def mean(self, tensor: Tensor) -> Tensor:
        """Mean over all processes."""
        return self.fabric.all_reduce(tensor, reduce_op="mean") if self.fabric.world_size > 1 else tensor  # type: ignore[return-value]

    def average_architecture_gradient(self) -> None:
        """Mean over all processes, as the parameters are no part of the wrapped supernet."""
        for parameter in self.parameters.parameters():
            if parameter.grad is not None:
                parameter.grad = self.mean(parameter.grad)
