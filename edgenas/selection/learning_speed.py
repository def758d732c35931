"""How fast a network learns, from the first epochs of its training.

Training speed estimation (Ru, Lyle, Schut, Fil, van der Wilk, Gal; NeurIPS 2021, arXiv:2006.04492): networks are ranked
by the sum of their training losses over the last E of the first T epochs, TSE-E, here with the authors' E = 1. It is
steadier than a validation accuracy after as many epochs, as it averages over all of the training part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from lightning_fabric import Fabric
from torch import nn

from edgenas.data.task import Task
from edgenas.train.checkpoint import Checkpoint, epoch_generator
from edgenas.train.history import TrialEpoch
from edgenas.train.loop import OPTIMIZERS, train_epoch
from edgenas.train.settings import TrainSettings

T = TypeVar("T")


def trial_loss(build: Callable[[], nn.Module], task: Task, settings: TrainSettings, epochs: int, seed: int,
               fabric: Fabric, checkpoint: Path, on_epoch: Callable[[str], object] = lambda _: None) -> float:
    """The mean training loss of epoch number `epochs` of a training of what `build` gives from fresh, seeded weights,
    as `settings` say it goes. No other part of the task than that for training is touched.

    Goes on from the checkpoint of a shorter or interrupted trial of the same network, to the same result. on_epoch:
    called after every epoch. Raises: Diverged when the loss is no number;
    CheckpointError.
    """
    torch.manual_seed(epoch_generator(seed, 0, "network").initial_seed())
    network = build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    wrapped, optimizer = fabric.setup(network, OPTIMIZERS[settings.optimizer](network, settings.lr,
                                                                             settings.weight_decay))
    saved = Checkpoint(checkpoint, {"network": network, "optimizer": optimizer}, TrialEpoch)
    saved.restore()
    for row in saved.history[:epochs]:
        on_epoch(f"loss {row.loss:.3f}")
    for epoch in range(saved.epochs, epochs):
        loss = train_epoch(wrapped, optimizer, task, settings, seed, epoch, fabric)
        saved.save(TrialEpoch(loss=loss))
        on_epoch(f"loss {loss:.3f}")
    return saved.history[epochs - 1].loss


def halved(best: Sequence[T], epochs: int, most: int, losses: Callable[[list[T], int], Mapping[T, float]]) -> T:
    """The one that is left by successive halving (Jamieson and Talwalkar, arXiv:1502.07943): of all, after `epochs`
    epochs, the half (rounded up) with the lower losses, of these after twice as many, `most` at the most, and so on;
    of equals the first. losses: of architectures, or whatever is trained, after so many epochs."""
    left = list(best)
    while len(left) > 1:
        found = losses(left, epochs)
        left = sorted(left, key=lambda a: found[a])[:(len(left) + 1) // 2]
        epochs = min(2 * epochs, most)
    return left[0]
