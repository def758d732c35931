"""Minibatches of images that are already in memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from edgenas.data.task import Split
from edgenas.errors import UsageError


def batches(
    split: Split, size: int, generator: torch.Generator | None, drop_last: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of images (n, C, H, W) uint8 and labels (n,), n = size but perhaps for the last.

    Shuffled by the generator, which alone decides the order; without one, in the split's order.

    Raises: UsageError if the size is not positive.
    """
    if size < 1:
        raise UsageError(f"a batch of {size} images is not possible", "give a batch size of 1 or more")
    if generator is None:
        order = torch.arange(len(split))
    else:
        order = torch.randperm(len(split), generator=generator, device=generator.device)
        order = order.to(split.labels.device)
    end = len(split) - len(split) % size if drop_last else len(split)
    return ((split.images[rows], split.labels[rows])
            for rows in (order[start:start + size] for start in range(0, end, size)))
