"""The divided parts brought into memory: one size, one number of channels, none lost unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgenas.data.arrays import squared
from edgenas.data.decode import UNREADABLE, decode
from edgenas.data.progress import tracked
from edgenas.data.raw import Encoded, Part, PartName
from edgenas.data.task import Split
from edgenas.errors import DataError

OnBadImage = Literal["error", "skip"]


def in_memory(
    parts: Mapping[PartName, Part], image_size: int | None, on_bad_image: OnBadImage
) -> tuple[dict[PartName, Split], tuple[str, ...]]:
    """The parts' images and labels, and the names of the images that were skipped.

    Raises: DataError naming the unreadable images (with "error"), or for sizes that differ or are too small.
    """
    images: dict[PartName, Tensor] = {}
    labels: dict[PartName, Tensor] = {}
    bad: list[str] = []
    for name, part in parts.items():
        kept = torch.from_numpy(part.labels)
        if isinstance(part.images, Tensor):
            images[name] = part.images if image_size is None else squared(part.images, image_size)
        else:
            images[name], good, unread = _decoded(part.images, image_size)
            kept = kept[torch.from_numpy(good)]
            bad += unread
        labels[name] = kept
    if bad and on_bad_image == "error":
        raise _unreadable(bad, sum(map(len, parts.values())))
    if any(len(kept) == 0 for kept in labels.values()):
        raise DataError("no image of a whole part could be read", "check that the files are images")
    images = _alike(images)
    return {name: Split(images[name], labels[name]) for name in parts}, tuple(bad)


def _decoded(encoded: Encoded, size: int | None) -> tuple[Tensor, NDArray[np.bool_], list[str]]:
    """The readable images (N, C, H, W), which of all they are, and the names of the others."""
    decoded: list[NDArray[np.uint8]] = []
    good = np.ones(len(encoded), dtype=bool)
    bad: list[str] = []
    first = ""
    files = tracked(encoded.read(encoded.rows), len(encoded), "reading images")
    for position, (name, content) in enumerate(files):
        try:
            pixels = decode(name, content, size)
        except UNREADABLE:
            good[position] = False
            bad.append(name)
            continue
        if decoded and pixels.shape[:2] != decoded[0].shape[:2]:
            raise _sizes_differ(first, decoded[0].shape, name, pixels.shape)
        first = first or name
        decoded.append(pixels)
    return _stacked(decoded), good, bad


def _stacked(decoded: list[NDArray[np.uint8]]) -> Tensor:
    channels = max((3 if pixels.ndim == 3 else 1 for pixels in decoded), default=1)
    height, width = decoded[0].shape[:2] if decoded else (0, 0)
    images = np.empty((len(decoded), channels, height, width), dtype=np.uint8)
    for image, pixels in zip(images, decoded, strict=True):
        image[:] = pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels
    return torch.from_numpy(images)


def _alike(images: dict[PartName, Tensor]) -> dict[PartName, Tensor]:
    """Grey parts become colour if any part has colour; one image size throughout."""
    height, width = images["train"].shape[2:]
    for name, tensor in images.items():
        if tensor.shape[2:] != (height, width):
            raise _sizes_differ("train", (height, width), name, tuple(tensor.shape[2:]))
    channels = max(tensor.shape[1] for tensor in images.values())
    return {name: tensor.expand(-1, channels, -1, -1).contiguous() for name, tensor in images.items()}


def _unreadable(bad: list[str], total: int) -> DataError:
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return DataError(f"{len(bad)} of {total} images cannot be read: {', '.join(bad[:3])}{more}",
                     "mend or remove them, or leave them out with --on-bad-image skip")


def _sizes_differ(first: str, size: tuple[int, ...], second: str, other: tuple[int, ...]) -> DataError:
    return DataError(f"the images differ in size: {first} is {size[1]}×{size[0]}, "
                     f"{second} is {other[1]}×{other[0]}",
                     f"give one size for all: --image-size {max(8, min(*size[:2], *other[:2]))}")
