"""What the folders of a source are: classes, or train, validation and test with classes below, or neither.

Names alone do not tell: `train` may be a class of photographs. A part has class folders and no images of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgenas.data.names import PART_NAMES, PartName, assigned, is_common, is_plain, kind_of, rest_of
from edgenas.data.tree import Folder
from edgenas.errors import DataError
from edgenas.text import counted

ANNOTATED = ({"images", "labels"}, {"images", "annotations"}, {"images", "masks"}, {"imgs", "labels"}, {"img", "ann"})
"""Folders of data for detection and segmentation."""


@dataclass
class Layout:
    """The files of each part, as (class, path), and what the user should know."""

    parts: dict[PartName, list[tuple[str, str]]]
    notes: list[str] = field(default_factory=list)


def understood(source: str, top: Folder) -> Layout:
    """Raises: DataError, saying what the folders look like, when they are neither classes nor parts."""
    notes: list[str] = []
    folder = _unwrapped(source, top, notes)
    parts = _parts(source, folder)
    if parts is None:
        inner = _parts_of_classes(source, folder)
        found = inner or {"train": _classes(source, folder, notes)}
        return Layout(found, notes + ([] if inner else _alike(source, folder)))
    named, said = assigned(source, "folders", parts)
    if "train" not in named:
        raise DataError(f"{source} has no train part, only {', '.join(named) or ', '.join(parts)}",
                        "name one of its parts train")
    notes += said
    return Layout({part: _part(source, folder.folders[name], notes) for part, name in named.items()}, notes)


def _part(source: str, folder: Folder, notes: list[str]) -> list[tuple[str, str]]:
    if not folder.folders and folder.files:
        raise DataError(f"{source}/{folder.path} has {counted(len(folder.files), 'file')} but no class folders",
                        f"put the images into {source}/{folder.path}/CLASS/, or move that folder elsewhere")
    return _classes(source, _unwrapped(source, folder, notes), notes)


def _unwrapped(source: str, folder: Folder, notes: list[str]) -> Folder:
    """The folder below that has the classes or parts, if all that is here is a wrapper such as `images` around it."""
    while len(folder.folders) == 1 and not folder.images:
        (inner,) = folder.folders.values()
        name = inner.path.rpartition("/")[2]
        if not inner.folders or is_plain(name) or inner.files:
            break
        outer = source.rstrip("/").rpartition("/")[2]
        if not (is_common(name) or name == outer or _parts(source, inner)):
            raise DataError(
                f"{_where(source, folder)} has one folder only, {name}, which holds {_few(inner.folders)}",
                f"give --data {source}/{inner.path} if these are the classes; else add images of another class")
        notes.append(f"{source}: what is in {inner.path} is read, the one folder there")
        folder = inner
    return folder


def _parts(source: str, folder: Folder) -> list[str] | None:
    """The names of the folders that are parts; None where the folders are classes."""
    folders = folder.folders
    named = [name for name in folders if kind_of(name)]
    others = [name for name in folders if name not in named]
    if named and not others and all(name.lower() in PART_NAMES for name in named):
        return named
    kinds = {kind_of(name) for name in named}
    plain = [name for name in named if is_plain(name)]
    alike = len(named) > 1 and len({rest_of(name) for name in named}) == 1
    trains = [name for name in named if kind_of(name) == "train" and _has_classes(folders[name])]
    if len(plain) > 1 and others and len(kinds) > 1:
        raise DataError(f"{source} has the folders {', '.join(sorted(plain))} beside others: {_few(others)}",
                        "move the others elsewhere")
    if trains and (not others or len(kinds) > 1) and (plain or len(kinds) > 1):
        return named
    if len(kinds) > 1 and (len(plain) > 1 or alike):
        raise DataError(f"{source} has the folders {', '.join(named)}: these look like parts of the data, but there is "
                        "no train folder with class folders in it",
                        f"put each class into a folder of its own in them: {source}/train/CLASS/, {source}/test/CLASS/")
    for name in set(trains) & set(plain):
        same = [other for other in others if len(set(folders[name].folders) & set(folders[other].folders)) > 1]
        if same:
            raise DataError(f"{source} has the folders {name} and {same[0]}: these look like parts, as both hold "
                            f"{_few(folders[name].folders)}", "name them train, validation and test")
    return None


def _has_classes(folder: Folder) -> bool:
    return bool(folder.folders) and not folder.images


def _classes(source: str, folder: Folder, notes: list[str]) -> list[tuple[str, str]]:
    """Each file with its class, sorted by class and path."""
    where = _where(source, folder)
    if folder.broken:
        raise DataError(f"{counted(len(folder.broken), 'link')} in {where} to nowhere: {folder.broken[0]}",
                        "mend or remove them")
    if {name.lower() for name in folder.folders} in ANNOTATED:
        raise DataError(f"{where} holds {_few(folder.folders)}, which look like pictures and their annotations, "
                        "not like classes", "give a folder with one sub-folder of images for each class")
    if len(folder.folders) == 1 and not kind_of(folder.path):
        raise _one_class(where, folder)
    if folder.images:
        notes.append(f"{counted(len(folder.images), 'image')} right in {where} left out, in no class folder: "
                     f"{folder.images[0]}")
    files = []
    for name, child in sorted(folder.folders.items()):
        inside = sorted(child.inside(), key=lambda path: path.split("/"))
        if not inside:
            raise DataError(f"the class folder {where}/{name} is empty", "add images to it, or remove it")
        files += [(name, path) for path in inside]
    return files


def _one_class(where: str, folder: Folder) -> DataError:
    (child,) = folder.folders.values()
    name = child.path.rpartition("/")[2]
    files = list(child.inside())
    if not files:
        return DataError(f"the class folder {where}/{name} is empty", "add images to it, or remove it")
    beside = f"; {counted(len(folder.images), 'image')} right in {where}, in no class folder" if folder.images else ""
    if not child.images and not child.folders:
        beside += f"; its files are not named like images: {files[0]}"
    return DataError(f"{where} has one class only ({name}), and a classifier needs two or more{beside}",
                     f"add images of another class in a folder of their own: {where}/CLASS/")


def _parts_of_classes(source: str, folder: Folder) -> dict[PartName, list[tuple[str, str]]] | None:
    """`cat/train, cat/test, dog/train, …`: the parts, if each class folder has them and nothing else."""
    holding = [child for child in folder.folders.values()
               if len({kind_of(name) for name in child.folders if is_plain(name)}) > 1]
    if not holding or len(folder.folders) < 2:
        return None
    parts: dict[PartName, list[tuple[str, str]]] = {}
    for label, child in sorted(folder.folders.items()):
        if child.files or not all(is_plain(name) for name in child.folders):
            raise DataError(f"{source}/{holding[0].path} has the folders {_few(holding[0].folders)}, which look like "
                            f"parts, and {source}/{child.path} has others", "give every class folder the same parts")
        for part, name in assigned(f"{source}/{child.path}", "folders", child.folders)[0].items():
            inside = sorted(child.folders[name].inside(), key=lambda path: path.split("/"))
            parts.setdefault(part, []).extend((label, path) for path in inside)
    return parts


def _alike(source: str, folder: Folder) -> list[str]:
    """A note when the classes might be parts of a kind that has no common name."""
    children = list(folder.folders.values())
    inner = set(children[0].folders) if children else set()
    if len(children) < 2 or len(inner) < 2 or any(set(child.folders) != inner or child.files for child in children):
        return []
    if all(name.isdigit() for name in inner):
        return []
    return [f"{source}: the classes are {_few(folder.folders)}, each of which holds the folders {_few(inner)}; if "
            "these are the classes, name the folders above them train, validation and test"]


def _where(source: str, folder: Folder) -> str:
    return f"{source}/{folder.path}".rstrip("/")


def _few(names: Iterable[str]) -> str:
    found = sorted(names)
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
