"""Data sets read by the package `datasets`: finding their parts, image column and label column."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.data.names import PartName, assigned
from edgenas.data.raw import Encoded, RawData, Rows, by_class
from edgenas.errors import DataError
from edgenas.text import one_line, printable, quoted

# What `datasets` and Arrow raise, beside errors of their own, for what cannot be read.
DAMAGED = (OSError, ValueError, TypeError, LookupError, RuntimeError, MemoryError, AttributeError)
IMAGE_NAMES = ("image", "img", "images", "picture", "photo")
LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y")


def from_datasets(name: str, found: Mapping[str, Any], folders: Iterable[Path] = ()) -> RawData:
    """Images by class from the splits of a data set; splits that are no train, validation or test are left, and told.

    folders: where files may lie that the data set names instead of holding them; no others are opened.

    Raises: DataError if there is no train split, image column or label column.
    """
    named, notes = assigned(name, "parts", found)
    splits: dict[PartName, Any] = {part: found[split] for part, split in named.items()}
    if "train" not in splits:
        raise DataError(f"{name} has no train part, only {', '.join(found) or 'nothing'}",
                        "choose a data set that has one")
    features = splits["train"].features
    image, label = columns(name, features)
    for part, split in splits.items():
        check_columns(name, part, split.features, (image, label))
    return by_class(
        name,
        {part: (_images(part, split, image, tuple(folders)), split[label][:]) for part, split in splits.items()},
        getattr(features[label], "names", None), notes,
    )


def columns(name: str, features: Mapping[str, Any]) -> tuple[str, str]:
    """Of the images and of the labels.

    Raises: DataError when they cannot be told from the others.
    """
    return _image_column(name, features), _label_column(name, features)


def check_columns(name: str, part: PartName, features: Iterable[str], columns: tuple[str, str]) -> None:
    """Raises: DataError when a part lacks one of the train part's columns."""
    if not set(columns) <= set(features):
        raise DataError(f"the {part} part of {name} lacks the column {columns[0]!r} or {columns[1]!r} "
                        "of its train part", "give all parts the same columns")


def _images(part: PartName, split: Any, column: str, folders: tuple[Path, ...]) -> Encoded:
    import datasets

    table = split.select_columns([column])
    if isinstance(table.features[column], datasets.Image):
        table = table.cast_column(column, datasets.Image(decode=False))

    def content(rows: Rows) -> Iterator[tuple[str, Path | bytes | None]]:
        values = (value for batch in table.select(rows).iter(batch_size=256) for value in batch[column])
        for row, value in zip(rows, values, strict=True):
            yield cell(f"{part} row {row}", value, folders)

    return Encoded(np.arange(len(table)), content)


def cell(name: str, value: Any, folders: tuple[Path, ...] = ()) -> tuple[str, Path | bytes | None]:
    """The image's name, and its content. A cell holds bytes and a path, of which either may be missing, or bytes alone.

    Raises: DataError for a path without bytes that leads out of `folders`.
    """
    if not isinstance(value, dict):
        return name, value
    path, content = value.get("path"), value.get("bytes")
    if isinstance(path, str) and path:
        name = f"{name} ({printable(os.path.basename(path), 100)})"
    if content is not None or not path:
        return name, content
    real = os.path.realpath(str(path))
    if not any(real.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders):
        raise DataError(f"{name} names a file instead of holding it, and files that a data set names are not read: "
                        f"{quoted(path)}", "store the content of the files in the column")
    return name, Path(real)


def _image_column(name: str, features: Mapping[str, Any]) -> str:
    import datasets

    found = [column for column, feature in features.items()
             if isinstance(feature, datasets.Image) or (isinstance(feature, dict) and "bytes" in feature)]
    found = found or [column for column in IMAGE_NAMES
                      if getattr(features.get(column), "dtype", "") in ("binary", "large_binary")]
    return _chosen(name, "image", found, IMAGE_NAMES, features)


def _label_column(name: str, features: Mapping[str, Any]) -> str:
    import datasets

    named = [column for column in LABEL_NAMES if column in features]
    found = named or [column for column, feature in features.items()
                      if isinstance(feature, datasets.ClassLabel)]
    return _chosen(name, "label", found, LABEL_NAMES, features)


def _chosen(
    name: str, what: str, found: list[str], preferred: tuple[str, ...], features: Mapping[str, Any]
) -> str:
    for column in preferred:
        if column in found:
            return column
    if len(found) == 1:
        return found[0]
    raise DataError(f"{name} has no {what} column that can be told from the others: {', '.join(features)[:400]}",
                    f"name it {what}")


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """No progress bars unless stderr is a terminal; what `datasets` raises becomes a DataError.

    `datasets` raises errors of its own, of Arrow, of the hub and of the operating system.
    """
    import datasets
    import pyarrow

    quiet = not sys.stderr.isatty() and not datasets.are_progress_bars_disabled()
    if quiet:
        datasets.disable_progress_bars()
    try:
        yield
    except (*DAMAGED, datasets.exceptions.DatasetsError, pyarrow.ArrowException) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        raise DataError(f"{name} cannot be read: {one_line(lines[0], 300)}",
                        "check the name, the files and the network") from error
    finally:
        if quiet:
            datasets.enable_progress_bars()
