"""Finding the source that a `--data` value means: each is a file in this folder.

A source has `FORM`, how its values are written; `accepts(source)`, whether a value is of that form; and
`read(source)`, which gives the RawData.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

from edgenas import plugins
from edgenas.data.raw import RawData
from edgenas.errors import DataError, UsageError, unknown

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def every() -> list[ModuleType]:
    return [plugins.load(__name__, name, "data source") for name in plugins.names(__name__)]


def read(source: str) -> RawData:
    """Raises: DataError or UsageError when not one source takes this value, or its data cannot be used."""
    modules = [module for module in every() if module.accepts(source)]
    if len(modules) > 1:
        raise DataError(f"{source} may mean {' or '.join(module.FORM for module in modules)}",
                        f"give the folder here as ./{source}, or run where there is none of that name")
    if not modules:
        raise _refused(source)
    found: RawData = modules[0].read(source)
    return found


def _refused(source: str) -> UsageError:
    path = Path(source)
    if os.path.isfile(source) and path.suffix.lower() in ARCHIVES:
        return DataError(f"{source} is an archive, not a folder",
                         f"unpack it, then give the folder: --data {path.with_suffix('')}")
    if os.path.exists(source):
        return DataError(f"{source} is of a kind that is not read as data",
                         "give a folder of images by class, a folder of parquet files or an .npz file")
    if "/" in source or "\\" in source or source.startswith((".", "~")):
        return DataError(f"there is no file or folder {source}", "check the path, or try --data mnist")
    return unknown("data source", source, [module.FORM for module in every()])
