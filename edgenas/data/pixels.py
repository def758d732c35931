"""The divided parts brought into memory: one size, one number of channels, none lost unsaid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgenas.data.arrays import squared
from edgenas.data.decode import Seen, Unreadable, decode
from edgenas.data.limits import check_bytes
from edgenas.data.names import PartName
from edgenas.data.progress import tracked
from edgenas.data.raw import Encoded, Part
from edgenas.data.task import Split
from edgenas.errors import DataError
from edgenas.text import counted

OnBadImage = Literal["error", "skip"]
DARK = 64
"""Of 256 levels: where no pixel reaches it, most are unused."""


@dataclass
class Loaded:
    """The parts in memory. `skipped`: names of the images that could not be read; `kept`: each part without them."""

    splits: dict[PartName, Split]
    kept: dict[PartName, Part]
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class Bad:
    """Images that could not be read, and why."""

    names: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)

    def add(self, name: str, error: Unreadable) -> None:
        self.names.append(name)
        if len(self.first) < 3:
            self.first.append(f"{name} ({error})")

    def __str__(self) -> str:
        more = f" and {len(self.names) - 3} more" if len(self.names) > 3 else ""
        return ", ".join(self.first) + more


def in_memory(parts: Mapping[PartName, Part], image_size: int | None, on_bad_image: OnBadImage) -> Loaded:
    """The parts' images and labels.

    Raises: DataError naming the unreadable images (with "error"), for sizes that differ or are too small, or for more
    than there may be in memory.
    """
    images: dict[PartName, Tensor] = {}
    kept: dict[PartName, Part] = {}
    bad, seen = Bad(), Seen()
    for name, part in parts.items():
        if isinstance(part.images, Tensor):
            images[name] = part.images if image_size is None else squared(part.images, image_size)
            kept[name] = part
        else:
            images[name], good = _decoded(part.images, image_size, bad, seen)
            kept[name] = part.take(good)
    if bad.names and on_bad_image == "error":
        raise DataError(f"{len(bad.names)} of {sum(map(len, parts.values()))} images cannot be read: {bad}",
                        "mend or remove them, or leave them out with --on-bad-image skip")
    if any(len(part) == 0 for part in kept.values()):
        raise DataError("no image of a whole part could be read" + (f": {bad}" if bad.names else ""),
                        "check that the files are images")
    images = _alike(images)
    splits = {name: Split(images[name], torch.from_numpy(kept[name].labels)) for name in parts}
    return Loaded(splits, kept, tuple(bad.names), tuple(_notes(bad, seen, images["train"])))


def _decoded(encoded: Encoded, size: int | None, bad: Bad, seen: Seen) -> tuple[Tensor, NDArray[np.int64]]:
    """The readable images (N, C, H, W), in the order of the rows, and their positions among all."""
    order = np.argsort(encoded.rows, kind="stable")
    decoded: dict[int, NDArray[np.uint8]] = {}
    first, shape = "", (0, 0)
    files = tracked(encoded.read(encoded.rows[order]), len(encoded), "reading images")
    for position, (name, content) in zip(order.tolist(), files, strict=True):
        try:
            pixels = decode(name, content, size, seen)
        except Unreadable as error:
            bad.add(name, error)
            continue
        if not decoded:
            first, shape = name, pixels.shape[:2]
            check_bytes(f"{len(encoded)} images of {shape[1]}×{shape[0]}", len(encoded) * pixels.nbytes)
        elif pixels.shape[:2] != shape:
            raise _sizes_differ(first, shape, name, pixels.shape)
        decoded[position] = pixels
    good = np.array(sorted(decoded), dtype=np.int64)
    return _stacked([decoded[position] for position in good.tolist()]), good


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


def _notes(bad: Bad, seen: Seen, train: Tensor) -> list[str]:
    """What was met in the files that a user should know."""
    notes = [f"{counted(len(bad.names), 'image')} left out, which cannot be read: {bad}"] if bad.names else []
    if seen.several:
        notes.append(f"{counted(seen.several, 'image')} with several frames or pages, of which the first is read: "
                     f"{seen.first_several}")
    brightest = int(train.max())
    if brightest < DARK:
        deep = f"; of {counted(seen.deep, 'image')} with 16 bits the upper 8 are kept: {seen.first_deep}"
        notes.append(f"no pixel of the training images is brighter than {brightest} of 255: of 256 levels "
                     f"{brightest + 1} are left (scale the values to the whole range){deep if seen.deep else ''}")
    return notes


def _sizes_differ(first: str, size: tuple[int, ...], second: str, other: tuple[int, ...]) -> DataError:
    return DataError(f"the images differ in size: {first} is {size[1]}×{size[0]}, "
                     f"{second} is {other[1]}×{other[0]}",
                     f"give one size for all: --image-size {max(8, min(*size[:2], *other[:2]))}")
