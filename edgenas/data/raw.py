"""What a source gives: images by class, in memory or still encoded, not yet divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from edgenas.data.names import PartName
from edgenas.errors import DataError
from edgenas.text import counted, printable, quoted

Rows = NDArray[np.int64]
LONGEST_NAME = 200
"""Characters of a class name."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Images still in their files: `read(rows)`, of ascending rows, yields each one's name, printable, and its file or
    content.
    """

    rows: Rows
    read: Callable[[Rows], Iterator[tuple[str, Path | bytes | None]]]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, positions: Rows) -> Encoded:
        return Encoded(self.rows[positions], self.read)


@dataclass(frozen=True, eq=False)
class Part:
    """Images, either encoded or uint8 (N, C, H, W), and their labels (N,).

    rows: which images (N,) of the source's part `origin` they are; None for all of it.
    """

    images: Tensor | Encoded
    labels: Rows
    origin: PartName = "train"
    rows: Rows | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: Rows) -> Part:
        rows = np.arange(len(self)) if self.rows is None else self.rows
        return Part(self.images[positions], self.labels[positions], self.origin, rows[positions])

    def name(self, position: int) -> str:
        """Of an image, as the source has it."""
        if isinstance(self.images, Encoded):
            found, _ = next(iter(self.images.read(self.images.rows[[position]])))
            return found
        return f"{self.origin} image {position if self.rows is None else self.rows[position]}"


@dataclass(frozen=True, eq=False)
class RawData:
    """A source's own parts. `train` is always there; a part that is missing is cut from it.

    notes: sentences on how the source was understood, where that is not plain.
    """

    name: str
    classes: tuple[str, ...]
    parts: Mapping[PartName, Part]
    notes: tuple[str, ...] = ()


def by_class(
    name: str,
    parts: Mapping[PartName, tuple[Tensor | Encoded, Sequence[Any] | NDArray[Any]]],
    names: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> RawData:
    """Number the classes that train has: in the order of `names`, which integer labels index, or sorted.

    Raises: DataError for an empty part, fewer labels than images, labels that are neither whole numbers nor
    strings, a missing label, one class only, a class that train lacks, or a class without a name.
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
    if values.dtype.kind == "i" and values[0] < 0 and values.tolist() != [-1, 1]:
        count = int((labels["train"] < 0).sum())
        raise DataError(f"{name} has {counted(count, 'label')} below 0 ({values[0]}), which is how images without a "
                        "label are marked", "remove these images, or number the classes from 0")
    if len(values) < 2:
        raise DataError(f"{name} has one class only ({values[0]}), and a classifier needs two or more",
                        "add images of another class")
    for part, given in labels.items():
        _known(name, part, given, values)
    classes, said = _named(name, [str(value) if names is None else str(names[value]) for value in values])
    return RawData(name, classes, {
        part: Part(images, np.searchsorted(values, labels[part]).astype(np.int64), part)
        for part, (images, _) in parts.items()
    }, (*notes, *said))


def _named(name: str, given: list[str]) -> tuple[tuple[str, ...], list[str]]:
    """Class names as files, reports and terminals can hold them, and a note if some had to be written otherwise."""
    if bad := [text for text in given if not text.strip() or len(text) > LONGEST_NAME]:
        raise DataError(f"{name} has {counted(len(bad), 'class name')} that are not of 1 to {LONGEST_NAME} characters: "
                        f"{quoted(bad[0], 60)}",
                        "rename them")
    classes = [printable(text).replace("\n", "\\n").replace("\t", "\\t") for text in given]
    if len(set(classes)) < len(classes):
        twice = Counter(classes).most_common(1)[0][0]
        raise DataError(f"{name} has two classes that are both written {twice!r}", "rename one of them")
    changed = [safe for text, safe in zip(given, classes, strict=True) if safe != text]
    notes = [f"{counted(len(changed), 'class name')} with characters that cannot be printed, which are written out: "
             f"{changed[0]}"] if changed else []
    return tuple(classes), notes


def _labels(what: str, images: Tensor | Encoded, values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if len(images) == 0:
        raise DataError(f"{what} has no images", "give each part at least one image of each class")
    if len(images) != len(values):
        raise DataError(f"{what} has {len(images)} images but {len(values)} labels",
                        "give one label for each image")
    array = _array(what, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind not in "biuU":
        hint = ("convert them to one number each: labels.argmax(1)" if array.ndim == 2 and array.dtype.kind != "U" else
                "convert the labels to integers or strings")
        raise DataError(f"{what} has labels of shape {array.shape} and type {array.dtype}, "
                        "but labels are one whole number or string for each image", hint)
    if array.dtype.kind == "u" and int(array.max()) >= 1 << 63:
        raise DataError(f"{what} has the label {array.max()}, and labels are below 2^63", "number the classes from 0")
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def _array(what: str, values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """`values` as NumPy has them; an array of objects where they are of several shapes or kinds."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "U" and (longest := int(np.strings.str_len(values).max(initial=0))) > LONGEST_NAME:
            raise DataError(f"{what} has a label of {longest} characters, and {LONGEST_NAME} is the most", "rename it")
        return values
    missing = [row for row, value in enumerate(values) if value is None]
    if missing:
        raise DataError(f"{what} has {counted(len(missing), 'image')} without a label; the first is number "
                        f"{missing[0]}", "remove them, or give each image a label")
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    if longest > LONGEST_NAME:  # an array of strings takes as much for each as for the longest
        raise DataError(f"{what} has a label of {longest} characters, and {LONGEST_NAME} is the most", "rename it")
    try:
        return np.asarray(values)
    except (ValueError, OverflowError):  # rows of different lengths
        return np.empty(0, dtype=object)


def _known(name: str, part: PartName, given: NDArray[Any], values: NDArray[Any]) -> None:
    extra = np.unique(given).tolist() if given.dtype.kind != values.dtype.kind else sorted(
        set(given.tolist()) - set(values.tolist()))
    if extra:
        shown = ", ".join(map(str, extra[:5])) + (", …" if len(extra) > 5 else "")
        hint = ("-1 marks images without a label: leave that part out" if extra == [-1] else
                "add images of these classes to train, or remove them")
        raise DataError(f"the {part} part of {name} has classes that its train part lacks: {shown}", hint)
