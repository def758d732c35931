"""A folder of parquet files: `train*`, `validation*` (or `val*`, `dev*`) and `test*`, or all train."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from edgenas.data.hugging_face import from_datasets, reading
from edgenas.data.raw import RawData
from edgenas.errors import DataError

FORM = "FOLDER of parquet files"
PREFIXES = {"train": "train", "val": "validation", "dev": "validation", "test": "test"}


def accepts(source: str) -> bool:
    return os.path.isdir(source) and any(Path(source).glob("*.parquet"))


def read(source: str) -> RawData:
    import datasets

    name = Path(source).resolve().name
    with reading(source):
        found = datasets.load_dataset("parquet", data_files=_by_part(source))
    return from_datasets(name, found)


def _by_part(source: str) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for file in sorted(Path(source).resolve().glob("*.parquet")):
        part = next((PREFIXES[prefix] for prefix in PREFIXES if file.name.lower().startswith(prefix)), "")
        parts.setdefault(part, []).append(glob.escape(str(file)))
    other = parts.pop("", [])
    if other and parts:
        raise DataError(f"{source} has {Path(other[0]).name} beside files of {', '.join(parts)}",
                        "begin the name of each file with train, validation or test")
    return parts or {"train": other}
