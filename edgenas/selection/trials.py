"""Trial trainings of networks: how fast each learns."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from lightning_fabric import Fabric
from torch import nn

from edgenas.data.task import Task
from edgenas.errors import Diverged
from edgenas.progress import Progress
from edgenas.record import Record
from edgenas.search.settings import SearchSettings
from edgenas.selection.learning_speed import halved, trial_loss
from edgenas.space import Architecture, Space
from edgenas.train.settings import TrainSettings

T = TypeVar("T")
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Trial:
    """The training loss of epoch number `epochs`; infinite where training diverged."""

    loss: float
    epochs: int

    def noted(self, record: R) -> R:
        """The record with what is known of its network by this."""
        return record.replaced(trial_loss=finite(self.loss), trial_epochs=self.epochs)


@dataclass(frozen=True)
class Trials:
    """Of networks for one task. settings: of the final training, which trials begin. folder: for checkpoints, from
    which an interrupted or shorter trial goes on."""

    task: Task
    settings: TrainSettings
    seed: int
    fabric: Fabric
    folder: Path
    progress: Progress

    def loss(self, space: Space, architecture: Architecture, epochs: int) -> float:
        """As `loss_of` has it, of a network of the space."""
        return self.loss_of(partial(space.build, architecture), architecture.digest, epochs)

    def loss_of(self, build: Callable[[], nn.Module], name: str, epochs: int) -> float:
        """The training loss of epoch number `epochs`; infinite, and said so, of a network whose training diverged.
        name: of its checkpoint.

        Raises: StorageError, CheckpointError: of a trial that could not be made nothing is known.
        """
        try:
            return trial_loss(build, self.task, self.settings, epochs, self.seed, self.fabric,
                              self.folder / f"{name}.pt", self.progress.advance)
        except Diverged as error:
            self.progress.say(f"trial training of a network: {error.message}")
            return math.inf

    def clear(self) -> None:
        """Remove the checkpoints: they are for what was interrupted."""
        shutil.rmtree(self.folder, ignore_errors=True)


def fastest(items: Sequence[T], search: SearchSettings, training: TrainSettings,
            losses: Callable[[list[T], int], Mapping[T, float]]) -> T:
    """The one that is left by successive halving, as the search has trials and the final training is.

    Raises: Diverged when the training of every item diverged: there is nothing to tell them apart by.
    """
    def known(left: list[T], epochs: int) -> Mapping[T, float]:
        found = losses(left, epochs)
        if not any(math.isfinite(loss) for loss in found.values()):
            raise Diverged(f"the trial trainings of all {len(left)} networks diverged",
                           f"a lower learning rate: --set train.lr={training.lr / 10:g}")
        return found

    return halved(items, search.first_trial(training.epochs), training.epochs, known)


def finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
