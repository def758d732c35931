"""A classification task: images by class, divided once into train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set: images (N, C, H, W) uint8, labels (N,) int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Task:
    """Images by class, split once.

    `mean` and `std` are those of the train images' channels on a scale of 0 to 1. `skipped` names the images
    that could not be read and were left out. `fingerprint` is a SHA-256 of all images, labels and classes:
    two tasks with the same fingerprint are the same data, split the same way. `notes` are sentences on what a user
    should know of the data.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    seed: int
    skipped: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def normalise(self, images: Tensor) -> Tensor:
        """(x / 255 - mean) / std: uint8 (N, C, H, W) to float32 of the same shape, device and layout."""
        mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
        return (images.float() / 255 - mean) / std

    def per_class(self, split: Split) -> dict[str, int]:
        """How many images each class has in a part."""
        counts = torch.bincount(split.labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))
