"""What is known of an architecture before it is trained by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric
from torch import nn

from edgenas.cost.exact import exact_model
from edgenas.data.task import Split, Task
from edgenas.search.strategy import Strategy
from edgenas.selection.zero_cost import IMAGES, blocks_of, measures_of
from edgenas.space import Architecture, Space, follow
from edgenas.train.checkpoint import epoch_generator
from edgenas.train.fabric import accuracy, recalibrate, to_device

VALIDATION_IMAGES = 1000


class Untrained:
    """The zero-cost measures of networks and their multiply-accumulates; each network is measured once."""

    def __init__(self, space: Space, task: Task, fabric: Fabric, seed: int) -> None:
        self.space, self.fabric, self.seed = space, fabric, seed
        self.blocks, self.macs = blocks_of(space), exact_model(space, "macs")
        self.images = to_device(task.normalise(task.train.images[:IMAGES]), fabric)
        self.known: dict[Architecture, dict[str, float]] = {}

    def figures(self, architecture: Architecture) -> dict[str, float]:
        if architecture not in self.known:
            generator = epoch_generator(self.seed, 0, "zero-cost")
            torch.manual_seed(generator.initial_seed())  # for what is drawn anywhere else, such as dropout
            network = self.space.build(architecture).to(self.fabric.device)
            measures = measures_of(network, self.blocks, self.images, generator)
            self.known[architecture] = measures | {"macs": self.macs.predict(architecture)}
        return self.known[architecture]


@contextmanager
def asking(supernet: nn.Module, task: Task, strategy: Strategy, fabric: Fabric,
           images: int = VALIDATION_IMAGES) -> Iterator[Callable[[Architecture], float]]:
    """A function that gives an architecture's accuracy on so many validation images with the supernet's weights."""
    supernet = supernet.to(fabric.device)
    part = Split(task.validation.images[:images], task.validation.labels[:images])

    def validation(architecture: Architecture) -> float:
        follow(supernet, architecture)
        recalibrate(supernet, task.train, task, fabric, images=images)
        return accuracy(supernet, part, task, fabric)

    with strategy.passes(supernet, 1.0):
        yield validation
