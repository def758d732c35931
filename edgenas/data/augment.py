"""Augmentation of whole minibatches: each image gets a shift, a flip and a cut-out square of its own."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edgenas.data.task import Task
from edgenas.errors import UsageError


@dataclass(frozen=True)
class Augment:
    """Random changes to each image of a minibatch.

    shift: pixels; each image moves by up to this many both ways; its edge is mirrored into the gap.
    flip: mirror each image left to right with probability one half.
    cutout: pixels of the side of a square set to 0 (after normalisation: the mean) at a random place, partly
        outside at the edges; 0 for none (DeVries and Taylor, 2017, https://arxiv.org/abs/1708.04552).
    """

    shift: int = 2
    flip: bool = False
    cutout: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0 or self.cutout < 0:
            raise UsageError(f"a shift of {self.shift} and a cut-out of {self.cutout} pixels: "
                             "neither may be negative", "give 0 for none")

    @classmethod
    def for_task(cls, task: Task) -> Augment:
        """Shifts of an eighth of the side; flips for colour images; cut-outs for those from 32 pixels up."""
        channels, height, width = task.input_shape
        side, colour = min(height, width), channels == 3
        return cls(max(1, side // 8), colour, side // 4 if colour and side >= 32 else 0)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images (N, C, H, W) of any type to the same shape, type, device and layout; the input stays.

        Raises: UsageError if the shift is not less than the images' side.
        """
        if min(images.shape[2:]) <= self.shift:
            raise UsageError(f"a shift of {self.shift} pixels is too large for images of "
                             f"{tuple(images.shape[2:])}", "give a shift less than the side")
        changed = self._moved(images, generator)
        if self.cutout:
            rows = self._inside(images.shape[2], images, generator)
            columns = self._inside(images.shape[3], images, generator)
            changed.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0)
        return changed.contiguous(memory_format=_layout(images))

    def _moved(self, images: Tensor, generator: torch.Generator) -> Tensor:
        count, _, height, width = images.shape
        rows = _mirrored(height, _draw(-self.shift, self.shift, images, generator))
        columns = _mirrored(width, _draw(-self.shift, self.shift, images, generator))
        if self.flip:
            columns = torch.where(_draw(0, 1, images, generator) == 1, columns.flip(1), columns)
        every = torch.arange(count, device=images.device).view(-1, 1, 1)
        return images.permute(0, 2, 3, 1)[every, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)

    def _inside(self, side: int, images: Tensor, generator: torch.Generator) -> Tensor:
        """Which places (N, side) of an axis the squares cover; their centres are anywhere in the image."""
        first = _draw(0, side - 1, images, generator) - self.cutout // 2
        places = torch.arange(side, device=images.device)
        return (places >= first) & (places < first + self.cutout)


def _draw(low: int, high: int, images: Tensor, generator: torch.Generator) -> Tensor:
    """A whole number (N, 1) from `low` to `high` inclusive for each image."""
    drawn = torch.randint(low, high + 1, (len(images), 1), generator=generator, device=generator.device)
    return drawn.to(images.device)


def _mirrored(side: int, shift: Tensor) -> Tensor:
    """The places (N, side) that a shift (N, 1) takes its pixels from, mirrored at both ends."""
    places = (torch.arange(side, device=shift.device) - shift).abs()
    return side - 1 - (side - 1 - places).abs()


def _layout(images: Tensor) -> torch.memory_format:
    if images.is_contiguous() or not images.is_contiguous(memory_format=torch.channels_last):
        return torch.contiguous_format
    return torch.channels_last
