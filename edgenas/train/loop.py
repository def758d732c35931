"""Train the derived network: from the supernet's weights or from scratch, best epoch by validation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from edgenas.data.augment import Augment
from edgenas.data.task import Task
from edgenas.errors import CheckpointError
from edgenas.progress import Progress, Silent
from edgenas.train.checkpoint import ANEW, Checkpoint, epoch_generator
from edgenas.train.fabric import accuracy, adamw, checked, prepared, sgd
from edgenas.train.history import TrainEpoch
from edgenas.train.settings import TrainSettings

GRADIENT_NORM = 5.0
TEMPERATURE = 4.0  # of the distillation's softened outputs
OPTIMIZERS: dict[str, Callable[[nn.Module, float, float], Optimizer]] = {"sgd": sgd, "adamw": adamw}


class Best:
    """The weights of the epoch with the highest validation accuracy; the earliest of equals."""

    def __init__(self) -> None:
        self.validation = -1.0
        self.weights: dict[str, Tensor] = {}

    def offer(self, validation: float, network: nn.Module) -> None:
        if validation > self.validation:
            self.validation = validation
            self.weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        return {"validation": self.validation, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.validation, self.weights = float(state["validation"]), dict(state["weights"])

    def check(self, network: nn.Module, checkpoint: Path) -> None:
        """Raises: CheckpointError when there are weights, and they are of another network than this."""
        shapes = {key: value.shape for key, value in network.state_dict().items()}
        if self.weights and {key: getattr(value, "shape", None) for key, value in self.weights.items()} != shapes:
            raise CheckpointError(f"the best weights in {checkpoint} are of another network", ANEW)


def train(network: nn.Module, task: Task, *, settings: TrainSettings, seed: int, checkpoint: Path, fabric: Fabric,
          teacher: nn.Module | None = None, label: str = "train", progress: Progress | None = None,
          option: str = "train.lr",
          optimizer_of: Callable[[nn.Module, float, float], Optimizer] | None = None
          ) -> tuple[float, list[TrainEpoch]]:
    """Train `network` in place and leave it with its best weights, on the CPU, in evaluation mode.

    Goes on from `checkpoint` if that file exists, to the same result as without the interruption. Returns the
    validation accuracy and a history of one row per epoch. The test part of `task` is never touched. option: names the
    learning rate to the user. optimizer_of: takes the network, learning rate and weight decay; as `settings` say by
    default.

    Raises: Diverged when the loss is no number; CheckpointError for a checkpoint that is damaged or of another network.
    """
    progress = progress or Silent()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer_of = optimizer_of or OPTIMIZERS[settings.optimizer]
    wrapped, optimizer = fabric.setup(network, optimizer_of(network, settings.lr, settings.weight_decay))
    teacher = teacher.to(fabric.device).eval() if teacher is not None else None
    best = Best()
    saved = Checkpoint(checkpoint, {"network": network, "optimizer": optimizer, "best": best},
                       TrainEpoch)
    saved.restore()
    best.check(network, checkpoint)
    progress.start(label, settings.epochs, saved.epochs)
    for epoch in range(saved.epochs, settings.epochs):
        started = time.perf_counter()
        loss = train_epoch(wrapped, optimizer, task, settings, seed, epoch, fabric, teacher, option)
        validation = accuracy(network, task.validation, task, fabric)
        best.offer(validation, network)
        saved.save(TrainEpoch(loss=loss, validation=validation, seconds=time.perf_counter() - started))
        progress.advance(f"loss {loss:.3f} validation {validation:.1%}")
    network.load_state_dict(best.weights)
    network.cpu().eval()
    return best.validation, saved.history


def train_epoch(network: nn.Module, optimizer: Optimizer, task: Task, settings: TrainSettings, seed: int, epoch: int,
                fabric: Fabric, teacher: nn.Module | None = None, option: str = "train.lr") -> float:
    """One of the epochs of a training, all that is drawn in it depending on seed and epoch alone; its mean loss.

    network, optimizer: as `fabric` set them up. Raises: Diverged when the loss is no number.
    """
    torch.manual_seed(epoch_generator(seed, epoch, "dropout").initial_seed())
    network.train()
    order, noise = epoch_generator(seed, epoch, "order"), epoch_generator(seed, epoch, "augment")
    losses = []
    steps = max(1, len(task.train) // settings.batch_size)
    data = prepared(task.train, settings.batch_size, order, noise, task, augmentation(task, settings), fabric)
    for step, (images, labels) in enumerate(data):
        for group in optimizer.param_groups:
            group["lr"] = settings.lr_at((epoch + step / steps) / settings.epochs)
        logits = network(images)
        loss = functional.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
        if teacher is not None:
            loss = (1 - settings.distill) * loss + settings.distill * distillation(logits, teacher, images)
        losses.append(checked(loss, option))
        optimizer.zero_grad()
        fabric.backward(loss)
        fabric.clip_gradients(network, optimizer, max_norm=GRADIENT_NORM, error_if_nonfinite=False)
        optimizer.step()
    return sum(losses) / len(losses)


def augmentation(task: Task, settings: TrainSettings) -> Augment:
    """As the task's images ask for, with the cut-outs that the settings say."""
    found = Augment.for_task(task)
    return found if settings.cutout is None else replace(found, cutout=settings.cutout)


def distillation(logits: Tensor, teacher: nn.Module, images: Tensor) -> Tensor:
    """Divergence of the softened outputs from the teacher's, scaled so that its gradient keeps its size."""
    with torch.no_grad():
        target = functional.log_softmax(teacher(images) / TEMPERATURE, dim=1)
    softened = functional.log_softmax(logits / TEMPERATURE, dim=1)
    return functional.kl_div(softened, target, log_target=True, reduction="batchmean") * TEMPERATURE**2
