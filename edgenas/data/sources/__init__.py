"""Finding the source that a `--data` value means: each is a file in this folder.

See edgenas.data.source.
"""

from __future__ import annotations

import os
from pathlib import Path

from edgenas import plugins
from edgenas.data.raw import RawData
from edgenas.data.source import Source
from edgenas.errors import DataError, UsageError, unknown

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst")


def every() -> list[Source]:
    """Raises: UserCodeError for a file that names none."""
    return [plugins.instance(__name__, name, "data source", "SOURCE", Source) for name in plugins.names(__name__)]


def read(source: str) -> RawData:
    """Raises: DataError or UsageError when not one source takes this value, or its data cannot be used."""
    fitting = [each for each in every() if each.accepts(source)]
    if len(fitting) > 1:
        raise DataError(f"{source} may mean {' or '.join(each.form for each in fitting)}",
                        f"give the folder here as ./{source}, or run where there is none of that name")
    if not fitting:
        raise _refused(source)
    return fitting[0].read(source)


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
    return unknown("data source", source, [each.form for each in every()])
