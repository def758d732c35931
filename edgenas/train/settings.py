"""How trainings go: `--set train.NAME=VALUE` and `--set qat.NAME=VALUE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from edgenas.bounds import MOST_EPOCHS, MOST_IN_BATCH, MOST_PIXELS, MOST_RATE
from edgenas.train.schedule import cosine


@dataclass(frozen=True)
class TrainSettings:
    """lr: peak learning rate (cosine). optimizer: "sgd" with Nesterov momentum 0.9, or "adamw" (Loshchilov and Hutter,
    arXiv:1711.05101). warmup: share of the training in which the learning rate rises to its peak. cutout: pixels of the
    side of the square that is cut out of every training image, 0 for none; None: a quarter of the image's side for
    colour images from 32 pixels up. distill: share of the loss that follows the teacher's softened outputs
    (Hinton et al., arXiv:1503.02531), where there is a teacher."""

    epochs: Annotated[int, Ge(1), Le(MOST_EPOCHS)] = 30
    batch_size: Annotated[int, Ge(2), Le(MOST_IN_BATCH)] = 64
    lr: Annotated[float, Gt(0), Le(MOST_RATE)] = 0.05
    weight_decay: Annotated[float, Ge(0)] = 1e-4
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1
    distill: Annotated[float, Gt(0), Le(1)] = 0.5
    optimizer: Literal["sgd", "adamw"] = "sgd"
    warmup: Annotated[float, Ge(0), Lt(1)] = 0.0
    cutout: Annotated[int, Ge(0), Le(MOST_PIXELS)] | None = None

    def lr_at(self, progress: float) -> float:
        """The learning rate, progress going from 0 to 1 over the training."""
        if progress < self.warmup:
            return self.lr * max(progress, 0.01 * self.warmup) / self.warmup
        return self.lr * cosine((progress - self.warmup) / (1 - self.warmup))


@dataclass(frozen=True)
class QatSettings:
    """lr: peak learning rate (Adam, cosine), in units of a channel's largest weight. distill: share of the loss that
    follows the float32 network's softened outputs."""

    epochs: Annotated[int, Ge(1), Le(MOST_EPOCHS)] = 10
    batch_size: Annotated[int, Ge(2), Le(MOST_IN_BATCH)] = 32
    lr: Annotated[float, Gt(0), Le(MOST_RATE)] = 1e-3
    distill: Annotated[float, Gt(0), Le(1)] = 0.5
