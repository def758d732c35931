"""A choice among sizes of one block, which share its weights: see edgenas/space/traced/masks.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edgenas.space.choice import Choice

TINY = 1e-6  # a sum of weights below which sizes are not told apart


class Sized(nn.Module):
    """A block with the masks of one size. masks: (channels,) for each of its groups."""

    def __init__(self, block: nn.Module, masks: Sequence[Tensor]) -> None:
        super().__init__()
        self.block = block
        for i, mask in enumerate(masks):
            self.register_buffer(f"mask{i}", mask)

    @property
    def masks(self) -> list[Tensor]:
        return list(self.buffers(recurse=False))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x, *self.masks)
        return out


class ElasticChoice(Choice):
    """Sizes of one block, and what is left of it where it is absent. One forward pass computes the block once.

    Where sizes are mixed, so are their masks, each relative to the sizes' sum of weights; what comes out is that sum
    times the block, and the absent one by its own weight. With weights of ones and zeros that is what a choice of
    separate candidates gives.
    """

    def __init__(self, block: nn.Module, sizes: Mapping[str, Sequence[Tensor]], others: Mapping[str, nn.Module],
                 name: str) -> None:
        super().__init__({key: Sized(block, masks) for key, masks in sizes.items()} | dict(others), name)

    @property
    def block(self) -> nn.Module | None:
        """Whole; None where the choice was narrowed to none of its sizes."""
        return next((candidate.block for candidate in self.candidates.values() if isinstance(candidate, Sized)), None)

    def forward(self, x: Tensor) -> Tensor:
        weights, operators = self.route.weights, list(self.candidates.values())
        sizes = {i: operator for i in self.route.active if isinstance(operator := operators[i], Sized)}
        if weights is None or not sizes:
            return super().forward(x)
        given = weights[list(sizes)]
        total = given.sum()
        shares = given / total.clamp(min=TINY)
        masks = [shares @ torch.stack(rows) for rows in zip(*(each.masks for each in sizes.values()), strict=True)]
        mixed: Tensor = total * next(iter(sizes.values())).block(x, *masks)
        for i in self.route.active:
            if i not in sizes:
                mixed = mixed + weights[i] * operators[i](x)
        return mixed
