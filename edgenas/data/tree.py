"""A folder's sub-folders and files, links followed, nothing skipped unsaid."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from edgenas.errors import DataError
from edgenas.text import counted, printable

LITTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")
IMAGES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm",
          ".pnm", ".avif", ".heic", ".heif", ".jxl", ".jp2")
DEEPEST_TABLE = 3
"""Levels down to which a folder's parquet files are looked for: NAME/CONFIGURATION/train/0000.parquet."""


@dataclass
class Folder:
    """`path` is from the source's folder, with slashes; `broken`: links that lead nowhere."""

    path: str
    files: list[str] = field(default_factory=list)
    folders: dict[str, Folder] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def below(self, name: str) -> str:
        return f"{self.path}/{name}" if self.path else name

    def inside(self) -> Iterator[str]:
        """The paths of all files at any depth."""
        todo = [self]
        while todo:
            folder = todo.pop()
            yield from map(folder.below, folder.files)
            todo += folder.folders.values()

    @property
    def images(self) -> list[str]:
        """Files right here that are named like images."""
        return [name for name in self.files if name.lower().endswith(IMAGES)]


def scan(source: str) -> tuple[Folder, list[str]]:
    """Everything in a folder but hidden files and litter, sorted; and sentences on links that were not followed.

    Links are followed, but none that leads back to a folder it is in; below each sub-folder's sub-folder a folder is
    entered once.

    Raises: DataError naming the folders that cannot be read.
    """
    top = Folder("")
    todo = deque([(top, os.path.realpath(source))])
    entered: set[tuple[str, str]] = set()
    unreadable: list[str] = []
    loops: list[str] = []
    while todo:
        folder, real = todo.popleft()
        place = "/".join(folder.path.split("/")[:2]), real
        if place in entered:
            continue
        entered.add(place)
        try:
            with os.scandir(os.path.join(source, folder.path)) as entries:
                found = sorted((entry for entry in entries if not _litter(entry.name)), key=lambda entry: entry.name)
        except OSError as error:
            unreadable.append(f"{folder.path or source} ({error.strerror or error})")
            continue
        for entry in found:
            todo += _sorted_in(folder, real, entry, loops)
    if unreadable:
        raise DataError(f"{counted(len(unreadable), 'folder')} of {source} cannot be read: {', '.join(unreadable[:3])}",
                        "give yourself the right to read them, or move them elsewhere")
    return top, [f"{counted(len(loops), 'link')} not followed, which would lead back to where it began: "
                 f"{printable(loops[0])}"] if loops else []


def _litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def _sorted_in(folder: Folder, real: str, entry: os.DirEntry[str], loops: list[str]) -> Iterator[tuple[Folder, str]]:
    """Put an entry into its `folder`; yields it, with its real path, if it is a folder to enter."""
    try:
        is_folder = entry.is_dir()
        leads_nowhere = not is_folder and entry.is_symlink() and not os.path.exists(entry.path)
    except OSError:  # a link to itself
        is_folder, leads_nowhere = False, True
    if not is_folder:
        folder.files.append(entry.name)
        folder.broken += [entry.name] * leads_nowhere
        return
    target = os.path.realpath(entry.path) if entry.is_symlink() else os.path.join(real, entry.name)
    if entry.is_symlink() and os.path.join(real, "").startswith(os.path.join(target, "")):
        loops.append(folder.below(entry.name))
        return
    folder.folders[entry.name] = Folder(folder.below(entry.name))
    yield folder.folders[entry.name], target


def holds(source: str) -> Literal["parquet", "images"]:
    """Which of them a folder is of: parquet files at its top, or such files and no image a few levels down."""
    level = [source]
    for depth in range(DEEPEST_TABLE + 1):
        below: list[str] = []
        for folder in level:
            files, folders = _listed(folder)
            if depth and any(name.lower().endswith(IMAGES) for name in files):
                return "images"
            if any(name.lower().endswith(".parquet") for name in files):
                return "parquet"
            below += folders
        level = below
    return "images"


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """Names of files and paths of folders; nothing of a folder that cannot be read, which `scan` will name."""
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if _litter(entry.name):
                    continue
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    files.append(entry.name)
    except OSError:
        pass
    return files, folders
