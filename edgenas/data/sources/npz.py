"""`FILE.npz`: arrays `images` and `labels`, or `x_train`, `y_train` and perhaps `x_val`, `y_val`, `x_test`, `y_test`.

A name is a word for the images (x, images, image, img, imgs, data) or for the labels (y, labels, label, targets,
target) and perhaps one for the part (train, val, valid, validation, dev, test, …), in any order and case: `X`,
`train_images`.
"""

from __future__ import annotations

import lzma
import math
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from edgenas.data.arrays import as_images
from edgenas.data.limits import check_unpacked
from edgenas.data.names import PartName, assigned, kind_of, words
from edgenas.data.raw import RawData, by_class
from edgenas.errors import DataError, FileError
from edgenas.files import open_regular
from edgenas.text import one_line

FORM = "FILE.npz"
IMAGES, LABELS = ("x", "images", "image", "img", "imgs", "data"), ("y", "labels", "label", "targets", "target")
DAMAGED = (OSError, ValueError, EOFError, AttributeError, RuntimeError, SyntaxError, MemoryError, RecursionError,
           TypeError, OverflowError, KeyError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, FileError)
"""What `zipfile` and NumPy raise for files that are damaged, encrypted or packed in an unknown way."""


def accepts(source: str) -> bool:
    return source.lower().endswith(".npz") and not os.path.isdir(source)


def read(source: str) -> RawData:
    if not os.path.exists(source):
        raise DataError(f"there is no file {source}", "check the path")
    try:
        with open_regular(Path(source), sys.maxsize) as stream, zipfile.ZipFile(stream) as archive:
            members = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()
                       if entry.filename.endswith(".npy")}
            if not members and archive.namelist():
                raise ValueError("it holds no arrays")
            layout, notes = _layout(source, members)
            arrays = {key: _array(source, archive, members[key]) for pair in layout.values() for key in pair}
    except DAMAGED as error:
        raise DataError(f"{source} cannot be read as an .npz file of plain arrays: {_why(error)}",
                        "save it again with np.savez(file, images=…, labels=…)") from error
    return by_class(Path(source).stem, {
        part: (as_images(arrays.pop(images), f"{images} in {source}"), arrays[labels])
        for part, (images, labels) in layout.items()
    }, notes=notes)


def _why(error: BaseException) -> str:
    return one_line(str(error), 200) or type(error).__name__


def _layout(source: str, keys: Iterable[str]) -> tuple[dict[PartName, tuple[str, str]], list[str]]:
    """The names of each part's images and labels.

    Raises: DataError when one of the two is missing or there are two of it.
    """
    found: dict[str, dict[str, str]] = {}
    other = []
    for key in keys:
        role = _role(key)
        if role is None:
            other.append(key)
            continue
        pair = found.setdefault(role[0], {})
        if role[1] in pair:
            raise DataError(f"{source} holds the arrays {pair[role[1]]} and {key}, which may both be the {role[1]}",
                            "keep one of them")
        pair[role[1]] = key
    for pair in found.values():
        if len(pair) == 1:
            there = next(iter(pair.values()))
            raise DataError(f"{source} holds the arrays {_few(keys)}, but not images and labels alike: {there} has no "
                            f"{'labels' if 'images' in pair else 'images'}",
                            "save it with np.savez(file, x_train=…, y_train=…, x_val=…, y_val=…, x_test=…, y_test=…)")
    if not found:
        raise DataError(f"{source} holds the arrays {_few(keys)}, but not images and labels",
                        "save it with np.savez(file, images=…, labels=…) or x_train, y_train, x_test, y_test")
    named, said = assigned(source, "parts", found)
    notes = [f"{source}: arrays left out: {_few(other)}"] if other else []
    return {part: (found[kind]["images"], found[kind]["labels"]) for part, kind in named.items()}, said + notes


def _role(key: str) -> tuple[str, str] | None:
    """`"x_val"` -> `("validation", "images")`; a name that speaks of no part is train."""
    rest = [word for word in words(key) if kind_of(word) is None]
    if len(rest) != 1 or rest[0] not in IMAGES + LABELS or (kind_of(key) is None and len(words(key)) > 1):
        return None
    return kind_of(key) or "train", "images" if rest[0] in IMAGES else "labels"


def _array(source: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """One array, whose size was looked at before there was room made for it. Nothing is unpickled.

    Raises: DataError for more than there may be; one of DAMAGED.
    """
    with archive.open(entry) as stream:
        shape, dtype = _header(stream)
        if dtype.hasobject or dtype.kind not in "biufcUS":
            raise ValueError(f"{entry.filename} holds values of type {dtype.name}; objects are not read")
        if any(side < 0 for side in shape):
            raise ValueError(f"{entry.filename} has the shape {shape}")
        size = math.prod(shape) * max(1, dtype.itemsize)
        check_unpacked(f"{entry.filename} in {source}", entry.compress_size, size)
        if math.prod(shape) * dtype.itemsize > entry.file_size:
            raise ValueError(f"{entry.filename} says it has {size} bytes and has {entry.file_size}")
    with archive.open(entry) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format {version[0]}.{version[1]}")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, _, dtype = read(stream)
    except Exception as error:  # it is parsed as Python's own text, which fails in many ways
        raise ValueError(f"a damaged header: {_why(error)}") from error
    return shape, dtype


def _few(keys: Iterable[str]) -> str:
    found = sorted(keys)
    return ", ".join(found[:8]) + (" …" if len(found) > 8 else "") or "none"
