"""A folder of images by class: one sub-folder for each class, below train, validation and test or not.

Every file in a class folder, at any depth, is taken to be an image, except hidden files and what some systems leave.
Links are followed. How folders are told from each other: see `layout`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgenas.data.layout import understood
from edgenas.data.raw import Encoded, RawData, Rows, by_class
from edgenas.data.tree import holds, scan
from edgenas.errors import DataError
from edgenas.text import printable

FORM = "FOLDER of images by class"


def accepts(source: str) -> bool:
    return os.path.isdir(source) and holds(source) == "images"


def read(source: str) -> RawData:
    top, said = scan(source)
    if not top.folders and not top.broken:
        raise DataError(f"{source} has no sub-folders, but each class is a sub-folder with its images",
                        f"put the images into {source}/CLASS/")
    layout = understood(source, top)
    return by_class(Path(source).resolve().name, {
        part: (_encoded(source, [path for _, path in files]), [label for label, _ in files])
        for part, files in layout.parts.items()
    }, notes=(*said, *layout.notes))


def _encoded(source: str, paths: list[str]) -> Encoded:
    def content(rows: Rows) -> Iterator[tuple[str, Path]]:
        for row in rows:
            yield printable(paths[row]), Path(source, paths[row])

    return Encoded(np.arange(len(paths)), content)
