"""What a source gives: images by class, in memory or still encoded, not yet divided."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edgenas.errors import DataError

PartName = Literal["train", "validation", "test"]
Rows = NDArray[np.int64]

PART_NAMES: Mapping[str, PartName] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}


@dataclass(frozen=True, eq=False)
class Encoded:
    """Images still in their files: `read(rows)` yields each row's name and its file, or its content."""

    rows: Rows
    read: Callable[[Rows], Iterator[tuple[str, Path | bytes | None]]]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Rows) -> Encoded:
        return Encoded(self.rows[positions], self.read)


@dataclass(frozen=True, eq=False)
class Part:
    """Images, either encoded or uint8 (N, C, H, W), and their labels (N,)."""

    images: Tensor | Encoded
    labels: Rows

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Rows) -> Part:
        return Part(self.images[positions], self.labels[positions])


@dataclass(frozen=True, eq=False)
class RawData:
    """A source's own parts. `train` is always there; a part that is missing is cut from it."""

    name: str
    classes: tuple[str, ...]
    parts: Mapping[PartName, Part]


def by_class(
    name: str,
    parts: Mapping[PartName, tuple[Tensor | Encoded, Sequence[Any] | NDArray[Any]]],
    names: Sequence[str] | None = None,
) -> RawData:
    """Number the classes that train has: in the order of `names`, which integer labels index, or sorted.

    Raises: DataError for an empty part, fewer labels than images, labels that are neither whole numbers nor
    strings, one class only, or a class that train lacks.
    """
    labels = {part: _labels(f"the {part} part of {name}", images, values)
              for part, (images, values) in parts.items()}
    if "train" not in labels:
        raise DataError(f"{name} has no train part, only {', '.join(labels) or 'nothing'}",
                        "name one of its parts train")
    values = np.unique(labels["train"])
    if names is not None and (values.dtype.kind != "i" or values[0] < 0 or values[-1] >= len(names)):
        raise DataError(f"{name} has labels from {values[0]} to {values[-1]} for {len(names)} classes",
                        "every image needs a label that numbers one of the classes, from 0")
    if len(values) < 2:
        raise DataError(f"{name} has one class only ({values[0]}), and a classifier needs two or more",
                        "add images of another class")
    for part, given in labels.items():
        _known(name, part, given, values)
    classes = tuple(str(value) if names is None else names[value] for value in values)
    return RawData(name, classes, {
        part: Part(images, np.searchsorted(values, labels[part]).astype(np.int64))
        for part, (images, _) in parts.items()
    })


def _labels(what: str, images: Tensor | Encoded, values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if len(images) == 0:
        raise DataError(f"{what} has no images", "give each part at least one image of each class")
    if len(images) != len(values):
        raise DataError(f"{what} has {len(images)} images but {len(values)} labels",
                        "give one label for each image")
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "biuU":
        raise DataError(f"{what} has labels of shape {array.shape} and type {array.dtype}, "
                        "but labels are one whole number or string for each image",
                        "convert the labels to integers or strings")
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def _known(name: str, part: PartName, given: NDArray[Any], values: NDArray[Any]) -> None:
    extra = np.unique(given).tolist() if given.dtype.kind != values.dtype.kind else sorted(
        set(given.tolist()) - set(values.tolist()))
    if extra:
        shown = ", ".join(map(str, extra[:5])) + (", …" if len(extra) > 5 else "")
        raise DataError(f"the {part} part of {name} has classes that its train part lacks: {shown}",
                        "add images of these classes to train, or remove them")
