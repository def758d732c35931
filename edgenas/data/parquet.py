"""Parquet files of images, read a few rows at a time; what they unpack to is looked at first."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.data import limits
from edgenas.data.hugging_face import cell, check_columns, columns, reading
from edgenas.data.names import PartName
from edgenas.data.raw import Encoded, RawData, Rows, by_class
from edgenas.errors import DataError
from edgenas.files import open_regular

BATCH = 16
"""Rows that are in memory at a time: a dictionary of one cell can stand for gigabytes of equal ones."""
LABELS = 256
MOST_TINY = 10_000
"""Rows of a file with less than a byte for each."""


@dataclass(frozen=True)
class Shard:
    """A file of a part. `first`: the number of its first row in the part."""

    path: str
    first: int
    groups: tuple[int, ...]

    @property
    def rows(self) -> int:
        return sum(self.groups)


def from_parquet(name: str, files: Mapping[PartName, Sequence[str]], notes: Sequence[str],
                 described: Mapping[str, Any] | None = None) -> RawData:
    """Images by class from the files of each part. described: the columns, where they are described elsewhere.

    Raises: DataError for files that cannot be read, lack a column, or unpack to more than there may be in memory.
    """
    if "train" not in files:
        raise DataError(f"{name} has no train part, only {', '.join(files) or 'nothing'}",
                        "begin the name of a file with train")
    features = described or _features(files["train"][0])
    image, label = columns(name, features)
    parts = {}
    for part, paths in files.items():
        shards = _shards(name, part, paths, (image, label))
        parts[part] = (_images(part, shards, image), _labels(shards, label))
    are_texts = any(isinstance(value, str) for _, labels in parts.values() for value in labels)
    return by_class(name, parts, None if are_texts else getattr(features[label], "names", None), notes)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """A `pyarrow.parquet.ParquetFile`."""
    from pyarrow.parquet import ParquetFile

    with open_regular(Path(path), sys.maxsize) as stream, reading(path), ParquetFile(stream) as file:
        yield file


def _features(path: str) -> Mapping[str, Any]:
    """The columns as `datasets` describes them, with the names of classes where the file has them."""
    import datasets

    with _opened(path) as file:
        try:
            found: Mapping[str, Any] = datasets.Features.from_arrow_schema(file.schema_arrow)
        except RecursionError as error:
            raise DataError(f"{path} cannot be read: its description is nested too deep", "save it again") from error
        names = [text for feature in found.values() for text in getattr(feature, "names", None) or ()]
        if not all(isinstance(text, str) for text in names):
            raise DataError(f"{path} cannot be read: the names of its classes are no strings", "save it again")
    return found


def _shards(name: str, part: PartName, paths: Sequence[str], wanted: tuple[str, str]) -> list[Shard]:
    shards: list[Shard] = []
    rows = 0
    for path in paths:
        with _opened(path) as file:
            check_columns(name, part, file.schema_arrow.names, wanted)
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
            shards.append(Shard(path, rows, tuple(group.num_rows for group in groups)))
            _check_size(path, shards[-1].rows, groups, wanted)
        rows += shards[-1].rows
    return shards


def _check_size(path: str, rows: int, groups: Sequence[Any], wanted: tuple[str, str]) -> None:
    """Raises: DataError when a file claims more rows, or more bytes in the columns that are read, than it can hold."""
    packed = os.path.getsize(path)
    if rows > max(MOST_TINY, packed):
        raise DataError(f"{path} has {rows:,} rows in {packed:,} bytes, which images never do",
                        "check where the file comes from")
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    limits.check_expansion(path, packed, sum(chunk.total_uncompressed_size for chunk in chunks
                                             if chunk.path_in_schema.split(".")[0] in wanted))


def _labels(shards: Sequence[Shard], column: str) -> list[Any]:
    labels: list[Any] = []
    for shard in shards:
        with _opened(shard.path) as file:
            for batch in file.iter_batches(batch_size=LABELS, columns=[column]):
                labels += batch.column(0).to_pylist()
    return labels


def _images(part: PartName, shards: Sequence[Shard], column: str) -> Encoded:
    def content(rows: Rows) -> Iterator[tuple[str, Any]]:
        for shard in shards:
            within = rows[(rows >= shard.first) & (rows < shard.first + shard.rows)]
            if len(within):
                for row, value in _cells(shard, column, within - shard.first):
                    yield cell(f"{part} row {row}", value)

    return Encoded(np.arange(sum(shard.rows for shard in shards)), content)


def _cells(shard: Shard, column: str, rows: Rows) -> Iterator[tuple[int, Any]]:
    """The number in the part, and the value, of these ascending rows of a file."""
    first = np.cumsum([0, *shard.groups])
    with _opened(shard.path) as file:
        for group in np.unique(np.searchsorted(first, rows, side="right") - 1).tolist():
            here = set(rows[(rows >= first[group]) & (rows < first[group + 1])].tolist())
            position = int(first[group])
            for batch in file.iter_batches(batch_size=BATCH, row_groups=[group], columns=[column]):
                for offset in range(batch.num_rows):
                    if position + offset in here:
                        yield shard.first + position + offset, batch.column(0)[offset].as_py()
                position += batch.num_rows
