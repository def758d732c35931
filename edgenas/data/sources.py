"""Finding the source that a `--data` value means: each is a file `source_<name>.py` in this folder.

A source has `FORM`, how its values are written; `accepts(source)`, whether a value is of that form (at most one
source accepts a value); and `read(source)`, which gives the RawData.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from edgenas import plugins
from edgenas.data.raw import RawData
from edgenas.errors import DataError, UsageError, unknown

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def every() -> list[ModuleType]:
    package = "edgenas.data"
    return [plugins.load(package, name, "data source", "source_") for name in plugins.names(package, "source_")]


def read(source: str) -> RawData:
    """Raises: DataError or UsageError when no source takes this value, or when its data cannot be used."""
    for module in every():
        if module.accepts(source):
            found: RawData = module.read(source)
            return found
    raise _refused(source)


def _refused(source: str) -> UsageError:
    path = Path(source)
    if path.is_file() and path.suffix.lower() in ARCHIVES:
        return DataError(f"{source} is an archive, not a folder",
                         f"unpack it, then give the folder: --data {path.with_suffix('')}")
    if path.is_file():
        return DataError(f"{source} is a file of a kind that is not read as data",
                         "give a folder of images by class, a folder of parquet files or an .npz file")
    if "/" in source or "\\" in source or source.startswith((".", "~")):
        return DataError(f"there is no file or folder {source}", "check the path, or try --data mnist")
    return unknown("data source", source, [module.FORM for module in every()])
