"""`FILE.npz`: arrays `images` and `labels`, or `x_train`, `y_train` and perhaps `x_test`, `y_test`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgenas.data.arrays import as_images
from edgenas.data.raw import PartName, RawData, by_class
from edgenas.errors import DataError

FORM = "FILE.npz"
LAYOUTS: tuple[dict[PartName, tuple[str, str]], ...] = (
    {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")},
    {"train": ("x_train", "y_train")},
    {"train": ("images", "labels")},
)


def accepts(source: str) -> bool:
    return source.lower().endswith(".npz") and not Path(source).is_dir()


def read(source: str) -> RawData:
    arrays = _arrays(source)
    for layout in LAYOUTS:
        if all(key in arrays for pair in layout.values() for key in pair):
            return by_class(Path(source).stem, {
                part: (as_images(arrays[images], f"{images} in {source}"), arrays[labels])
                for part, (images, labels) in layout.items()
            })
    raise DataError(f"{source} holds the arrays {', '.join(sorted(arrays)) or 'none'}, "
                    "but not images and labels",
                    "save it with np.savez(file, images=…, labels=…) or x_train, y_train, x_test, y_test")


def _arrays(source: str) -> dict[str, NDArray[Any]]:
    """Nothing is unpickled: arrays of Python objects are refused."""
    try:
        with open(source, "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds one array without a name")
            return {key: file[key] for key in file.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {source}", "check the path") from error
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{source} cannot be read as an .npz file of plain arrays: {error}",
                        "save it again with np.savez(file, images=…, labels=…)") from error
