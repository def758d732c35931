"""Data sets read by the package `datasets`: finding their parts, image column and label column."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.data.raw import PART_NAMES, Encoded, PartName, RawData, Rows, by_class
from edgenas.errors import DataError

IMAGE_NAMES = ("image", "img", "images", "picture", "photo")
LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "y")


def from_datasets(name: str, found: Mapping[str, Any]) -> RawData:
    """Images by class from the splits of a data set; splits that are no train, validation or test are left.

    Raises: DataError if there is no train split, image column or label column.
    """
    splits: dict[PartName, Any] = {}
    for split in found:
        if split in PART_NAMES and splits.setdefault(PART_NAMES[split], found[split]) is not found[split]:
            raise DataError(f"{name} has two {PART_NAMES[split]} parts: {', '.join(found)}",
                            "save the parts that you want as train, validation and test .parquet files")
    if "train" not in splits:
        raise DataError(f"{name} has no train part, only {', '.join(found) or 'nothing'}",
                        "choose a data set that has one")
    features = splits["train"].features
    image, label = _image_column(name, features), _label_column(name, features)
    for part, split in splits.items():
        if not {image, label} <= set(split.features):
            raise DataError(f"the {part} part of {name} lacks the column {image!r} or {label!r} "
                            "of its train part", "give all parts the same columns")
    return by_class(
        name,
        {part: (_images(part, split, image), split[label][:]) for part, split in splits.items()},
        getattr(features[label], "names", None),
    )


def _images(part: PartName, split: Any, column: str) -> Encoded:
    import datasets

    table = split.select_columns([column])
    if isinstance(table.features[column], datasets.Image):
        table = table.cast_column(column, datasets.Image(decode=False))

    def content(rows: Rows) -> Iterator[tuple[str, Path | bytes | None]]:
        values = (value for batch in table.select(rows).iter(batch_size=256) for value in batch[column])
        for row, value in zip(rows, values, strict=True):
            yield _named(f"{part} row {row}", value)

    return Encoded(np.arange(len(table)), content)


def _named(name: str, value: Any) -> tuple[str, Path | bytes | None]:
    """A cell holds the file itself, or its bytes and path, of which either may be missing."""
    if not isinstance(value, dict):
        return name, value
    path = value.get("path")
    name = f"{name} ({Path(path).name})" if path else name
    return name, value["bytes"] if value["bytes"] is not None or not path else Path(path)


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
    raise DataError(f"{name} has no {what} column that can be told from the others: {', '.join(features)}",
                    f"name it {what}")


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """No progress bars unless stderr is a terminal; what `datasets` raises becomes a DataError.

    `datasets` raises errors of its own, of Arrow, of the hub and of the operating system.
    """
    import datasets

    quiet = not sys.stderr.isatty() and not datasets.are_progress_bars_disabled()
    if quiet:
        datasets.disable_progress_bars()
    try:
        yield
    except (OSError, ValueError, TypeError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        raise DataError(f"{name} cannot be read: {lines[0]}",
                        "check the name, the files and the network") from error
    finally:
        if quiet:
            datasets.enable_progress_bars()
