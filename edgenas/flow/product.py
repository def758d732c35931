"""A trained network on its way to files: what exporting, proving and measuring it takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lightning_fabric import Fabric
from torch import Tensor, nn

from edgenas.data import Task
from edgenas.flow.run import Run
from edgenas.flow.target import Target
from edgenas.space.architecture import Architecture
from edgenas.train.fabric import predict


@dataclass(frozen=True, eq=False)
class Product:
    """One that a run found, or a network of the user's own.

    run: the folder that its files go to, and what they are asked for. network: on the CPU, in evaluation mode, for
    normalised images (n, C, H, W) of the task. architecture: empty where nothing was chosen. weights: the file that
    they were read from, if there was one. fabric: what carries PyTorch's part of the comparison.
    """

    run: Run
    task: Task
    target: Target
    network: nn.Module
    architecture: Architecture
    weights: Path | None
    fabric: Fabric

    def expected(self) -> Tensor:
        """What PyTorch predicts of the test part: (n, classes)."""
        return predict(self.network, self.task.test, self.task, self.fabric)
