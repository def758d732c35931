"""What searching and training share: batches on the device, the optimiser, evaluation, batch-norm statistics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from edgenas.data.augment import Augment
from edgenas.data.batches import batches
from edgenas.data.task import Split, Task
from edgenas.errors import Diverged

EVALUATION_BATCH = 256


def new_fabric(accelerator: str = "auto", precision: str = "32-true", devices: str = "1") -> Fabric:
    """Lightning Fabric carries where and how tensors are computed. `auto` takes a GPU if there is one."""
    fabric = Fabric(accelerator=accelerator, precision=precision, devices=devices)  # type: ignore[arg-type]
    fabric.launch()
    return fabric


def sgd(network: nn.Module, lr: float, weight_decay: float) -> torch.optim.SGD:
    """SGD with Nesterov momentum 0.9; no decay on batch-norm parameters and biases."""
    return torch.optim.SGD(_decaying(network, weight_decay), lr, momentum=0.9, nesterov=True)


def adamw(network: nn.Module, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; no decay on batch-norm parameters and biases."""
    return torch.optim.AdamW(_decaying(network, weight_decay), lr)


def _decaying(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def prepared(split: Split, size: int, order: torch.Generator, noise: torch.Generator, task: Task, augment: Augment,
             fabric: Fabric, forever: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled, augmented, normalised batches on the device, all of one size; each process gets its slice of them."""
    if not len(split):
        return
    size = min(size, len(split))
    mine = slice(fabric.global_rank, None, fabric.world_size)
    rounds = repeat(None) if forever else repeat(None, 1)
    for images, labels in chain.from_iterable(batches(split, size, order, drop_last=True) for _ in rounds):
        yield to_device(task.normalise(augment(images, noise)[mine]), fabric), labels[mine].to(fabric.device)


def to_device(images: Tensor, fabric: Fabric) -> Tensor:
    """A batch on the device in channels_last, which makes the backward pass of depthwise convolutions 4-6 times faster.

    Copied into a new tensor: `.to(memory_format=...)` leaves images of one channel as they are, and with them every
    feature map of the network would stay in the slow layout.
    """
    batch = torch.empty(images.shape, dtype=images.dtype, device=fabric.device, memory_format=torch.channels_last)
    return batch.copy_(images)


def checked(loss: Tensor, option: str) -> float:
    """The loss as a figure.

    Raises: Diverged, naming the option to change, when training diverged.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise Diverged(f"training diverged: the loss is {value}", f"a lower learning rate: --set {option}=0.01")
    return value


@torch.no_grad()
def predict(network: nn.Module, split: Split, task: Task, fabric: Fabric) -> Tensor:
    """Logits (N, classes) of a split in order, on the CPU, in evaluation mode."""
    network.eval()
    return torch.cat([network(to_device(task.normalise(images), fabric)).float().cpu()
                      for images, _ in batches(split, EVALUATION_BATCH, None)])


def accuracy(network: nn.Module, split: Split, task: Task, fabric: Fabric) -> float:
    """Share of right predictions."""
    return float((predict(network, split, task, fabric).argmax(1) == split.labels).float().mean())


@torch.no_grad()
def recalibrate(network: nn.Module, split: Split, task: Task, fabric: Fabric, images: int = 1024) -> None:
    """Set the batch norms' statistics to those of `images` images of the split.

    A supernet's statistics mix all paths; a single path needs its own (Guo et al., arXiv:1904.00420, section 3.4).
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches
    network.train()
    part = Split(split.images[:images], split.labels[:images])
    for batch, _ in batches(part, min(128, len(part)), None, drop_last=True):  # a small one would count as much
        network(to_device(task.normalise(batch), fabric))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()
