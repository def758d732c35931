"""What is computed of the images once they are in memory: scale and fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from edgenas.data.task import Split


def mean_std(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of uint8 images (N, C, H, W), on a scale of 0 to 1.

    Exact, from counts of the 256 values. A standard deviation is at least one step of the scale, so that a
    constant channel can be divided by it.
    """
    scale = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in images.transpose(0, 1):
        share = torch.bincount(channel.reshape(-1), minlength=256) / channel.numel()
        mean = float((share * scale).sum())
        variance = float((share * (scale - mean) ** 2).sum())
        means.append(mean)
        stds.append(max(math.sqrt(variance), 1 / 255))
    return tuple(means), tuple(stds)


def fingerprint(classes: Sequence[str], parts: Mapping[str, Split]) -> str:
    """SHA-256 of the classes and of each part's shape, labels and images, in the order given."""
    digest = hashlib.sha256(json.dumps(list(classes)).encode())
    for name, split in parts.items():
        digest.update(json.dumps([name, list(split.images.shape)]).encode())
        for tensor in (split.labels, split.images):
            digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
