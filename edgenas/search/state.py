"""Everything that changes during a search, and the checkpoint that continues it exactly."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from edgenas.search.multiplier import Multipliers
from edgenas.search.parameters import ArchitectureParameters
from edgenas.search.relaxation import Paths, Relaxation
from edgenas.space.choice import Route, choices_of

Batch = tuple[Tensor, Tensor]


@dataclass
class SearchState:
    """generator: drives every random draw of the current epoch, so that an epoch depends on its number alone."""

    fabric: Fabric
    supernet: nn.Module
    parameters: ArchitectureParameters
    multipliers: Multipliers
    weight_optimizer: torch.optim.Optimizer
    architecture_optimizer: torch.optim.Optimizer
    generator: torch.Generator
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        self._choices = list(choices_of(self.supernet).values())

    @property
    def logits(self) -> Tensor:
        """The architecture's logits, tilted so that the expected costs hold the budgets."""
        return self.multipliers.tilt(self.parameters.logits)

    @property
    def probabilities(self) -> Tensor:
        return torch.softmax(self.logits, dim=1)

    def route(self, relaxation: Relaxation) -> Paths:
        """Sample paths and send the supernet's next forward pass along them."""
        paths = relaxation.sample(self.logits, self.generator)
        mask = self.parameters.mask.tolist()
        for i, (choice, active) in enumerate(zip(self._choices, paths.active.tolist(), strict=True)):
            choice.route = (Route(tuple(active)) if paths.single else
                            Route(tuple(j for j in active if mask[i][j]), paths.weights[i]))
        return paths

    def loss(self, batch: Batch) -> tuple[Tensor, float]:
        """Cross-entropy of the supernet on a batch, and the share of right predictions."""
        images, labels = batch
        logits = self.supernet(images)
        right = float((logits.detach().argmax(1) == labels).float().mean())
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing), right

    def average_architecture_gradient(self) -> None:
        """Mean over all processes, as the parameters are no part of the wrapped supernet."""
        grad = self.parameters.values.grad
        if grad is not None and self.fabric.world_size > 1:
            self.parameters.values.grad = self.fabric.all_reduce(grad, reduce_op="mean")  # type: ignore[assignment]
