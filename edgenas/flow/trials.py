"""Trial trainings of networks of a run: how fast each learns."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from torch import nn

from edgenas.errors import Diverged
from edgenas.flow.config import RunConfig
from edgenas.flow.run import Run
from edgenas.progress import Progress
from edgenas.selection.learning_speed import halved, trial_loss
from edgenas.space import Architecture

T = TypeVar("T")


@dataclass(frozen=True)
class Trials:
    """folder: below the run's, for checkpoints, from which an interrupted or shorter trial goes on."""

    run: Run
    folder: Path
    progress: Progress

    def loss(self, architecture: Architecture, epochs: int) -> float:
        """As `loss_of` has it, of a network of the run's space."""
        return self.loss_of(partial(self.run.space.build, architecture), architecture.digest, epochs)

    def loss_of(self, build: Callable[[], nn.Module], name: str, epochs: int) -> float:
        """The training loss of epoch number `epochs`; infinite, and said so, of a network whose training diverged.
        name: of its checkpoint.

        Raises: StorageError, CheckpointError: of a trial that could not be made nothing is known.
        """
        run = self.run
        try:
            return trial_loss(build, run.task, run.config.train, epochs, run.config.seed, run.fabric,
                              self.folder / f"{name}.pt", self.progress.advance)
        except Diverged as error:
            self.progress.say(f"trial training of a network: {error.message}")
            return math.inf

    def clear(self) -> None:
        """Remove the checkpoints: they are for what was interrupted."""
        shutil.rmtree(self.folder, ignore_errors=True)


def fastest(items: Sequence[T], config: RunConfig, losses: Callable[[list[T], int], Mapping[T, float]]) -> T:
    """The one that is left by successive halving, as `config` has trials and the final training.

    Raises: Diverged when the training of every item diverged: there is nothing to tell them apart by.
    """
    def known(left: list[T], epochs: int) -> Mapping[T, float]:
        found = losses(left, epochs)
        if not any(math.isfinite(loss) for loss in found.values()):
            raise Diverged(f"the trial trainings of all {len(left)} networks diverged",
                           f"a lower learning rate: --set train.lr={config.train.lr / 10:g}")
        return found

    return halved(items, config.search.first_trial(config.train.epochs), config.train.epochs, known)


def finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
