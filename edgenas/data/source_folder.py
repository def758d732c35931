"""A folder of images by class: one sub-folder for each class, below train, validation and test or not.

Every file in a class folder, at any depth, is taken to be an image, except hidden files and the thumbnails
that some systems leave.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgenas.data.raw import PART_NAMES, Encoded, PartName, RawData, Rows, by_class
from edgenas.errors import DataError

FORM = "FOLDER of images by class"
LITTER = ("thumbs.db", "desktop.ini")


def accepts(source: str) -> bool:
    return os.path.isdir(source) and not any(Path(source).glob("*.parquet"))


def read(source: str) -> RawData:
    root = Path(source)
    return by_class(root.resolve().name, {
        part: _files(root, folder) for part, folder in _parts(source, root).items()
    })


def _parts(source: str, root: Path) -> dict[PartName, Path]:
    """Train, validation and test folders if the folder has them, else the folder itself as train."""
    folders = _visible(root)
    if not folders:
        raise DataError(f"{source} has no sub-folders, but each class is a sub-folder with its images",
                        f"put the images into {source}/CLASS/")
    named = [folder for folder in folders if folder.name.lower() in PART_NAMES]
    if named == folders:
        parts: dict[PartName, Path] = {}
        for folder in named:
            part = PART_NAMES[folder.name.lower()]
            if part in parts:
                raise DataError(f"{source} has two {part} folders: {parts[part].name} and {folder.name}",
                                "keep one of them")
            parts[part] = folder
        return parts
    if len(named) > 1:
        others = ", ".join(folder.name for folder in folders if folder not in named)
        raise DataError(f"{source} has the folders {', '.join(folder.name for folder in named)} "
                        f"beside others: {others}", "move the others elsewhere")
    return {"train": root}


def _files(root: Path, folder: Path) -> tuple[Encoded, list[str]]:
    found = {child.name: sorted(_inside(child)) for child in _visible(folder)}
    for name, inside in found.items():
        if not inside:
            raise DataError(f"the class folder {folder / name} is empty", "add images to it, or remove it")
    files = [file for inside in found.values() for file in inside]
    labels = [name for name, inside in found.items() for _ in inside]

    def content(rows: Rows) -> Iterator[tuple[str, Path]]:
        for row in rows:
            yield str(files[row].relative_to(root)), files[row]

    return Encoded(np.arange(len(files)), content), labels


def _visible(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))


def _inside(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and name.lower() not in LITTER:
                yield Path(parent, name)
