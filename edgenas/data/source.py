"""What a data source is: one file each in `sources`, found by its name, which names its `SOURCE`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgenas.data.raw import RawData


@dataclass(frozen=True)
class Source:
    """form: how its values of `--data` are written. accepts: whether a value is of that form, without reading data.
    read: the data of such a value; DataError for what cannot be used.
    """

    form: str
    accepts: Callable[[str], bool]
    read: Callable[[str], RawData]
