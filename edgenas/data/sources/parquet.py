"""A folder of parquet files: `train*`, `validation*` (or `val*`, `dev*`) and `test*`, or all train.

They may lie in a sub-folder, as a data set of the Hugging Face hub has them: `data/train-00000-of-00001.parquet`,
`plain_text/train/0000.parquet`.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgenas.data.names import PartName, assigned, kind_of
from edgenas.data.parquet import from_parquet
from edgenas.data.raw import RawData
from edgenas.data.tree import Folder, holds, scan
from edgenas.errors import DataError

FORM = "FOLDER of parquet files"


def accepts(source: str) -> bool:
    return os.path.isdir(source) and holds(source) == "parquet"


def read(source: str) -> RawData:
    top, notes = scan(source)
    parts, said = _by_part(source, _files(source, top))
    return from_parquet(Path(source).resolve().name, parts, (*notes, *said))


def _files(source: str, top: Folder) -> list[str]:
    """Those right in the folder; if there are none, those below, of one configuration."""
    here = [name for name in top.files if name.lower().endswith(".parquet")]
    if here:
        return here
    below = sorted(path for path in top.inside() if path.lower().endswith(".parquet"))
    homes: dict[str, str] = {}
    for path in below:
        folder = os.path.dirname(path)
        homes.setdefault(os.path.dirname(folder) if kind_of(os.path.basename(folder)) else folder, folder)
    if len(homes) > 1:
        names = list(homes.values())
        raise DataError(f"{source} has parquet files in several folders: {', '.join(names[:5])}",
                        f"give one of them: --data {os.path.join(source, names[0])}")
    return below


def _by_part(source: str, files: list[str]) -> tuple[dict[PartName, list[str]], list[str]]:
    """The files of each part, by the names of the files or of the folders they are in."""
    groups: dict[str, list[str]] = {}
    other: list[str] = []
    for file in files:
        name, folder = os.path.basename(file).removesuffix(".parquet"), os.path.basename(os.path.dirname(file))
        kind = kind_of(name) or kind_of(folder)
        (groups.setdefault(kind, []) if kind else other).append(os.path.join(source, file))
    if other and groups:
        raise DataError(f"{source} has {Path(other[0]).name} beside files of {', '.join(groups)}",
                        "begin the name of each file with train, validation or test")
    if other:
        return {"train": other}, []
    named, notes = assigned(source, "parts", groups)
    return {part: groups[kind] for part, kind in named.items()}, notes
