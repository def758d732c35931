"""`MODULE:FUNCTION` or `FILE.py:FUNCTION`: a function of the user's that takes nothing and returns its sets.

These are (train, test), (train, validation, test), or a dictionary of them by name; what it lacks is cut from train.
Each set is a pair of arrays (images, labels), or a PyTorch data set or list of (image, label), where an image
is an array, a tensor (C, H, W) or a Pillow image. The current directory can be imported from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from edgenas.data.arrays import as_images
from edgenas.data.decode import eight_bit
from edgenas.data.names import PartName, assigned
from edgenas.data.raw import RawData, by_class
from edgenas.errors import DataError
from edgenas.imports import import_function, users_code

FORM = "MODULE:FUNCTION or FILE.py:FUNCTION"
NAMED = re.compile(r"([^\W\d][\w.]*|.+\.py):[^\W\d]\w*", re.DOTALL)
HINT = "return (train, test) or (train, validation, test), each a pair of arrays or a list of (image, label)"
NAMES: dict[int, tuple[PartName, ...]] = {2: ("train", "test"), 3: ("train", "validation", "test")}


def accepts(source: str) -> bool:
    return NAMED.fullmatch(source) is not None


def read(source: str) -> RawData:
    function = import_function(source, "--data")
    with users_code(source, HINT):
        sets, notes = _by_part(source, function())
        arrays = {part: _arrays(given, f"the {part} set of {source}") for part, given in sets.items()}
    return by_class(source, {
        name: (as_images(images, f"the {name} set of {source}"), labels)
        for name, (images, labels) in arrays.items()
    }, notes=notes)


def _by_part(source: str, given: Any) -> tuple[dict[PartName, Any], list[str]]:
    """The sets by part. Raises: DataError when it is no such pair, triple or dictionary."""
    if isinstance(given, Mapping):
        named, notes = assigned(source, "sets", [str(key) for key in given])
        return {part: given[name] for part, name in named.items()}, notes
    if not isinstance(given, list | tuple) or len(given) not in NAMES:
        what = f"{len(given)} of them" if isinstance(given, list | tuple) else type(given).__name__
        raise DataError(f"{source} did not return a train and a test set, but {what}", HINT)
    return dict(zip(NAMES[len(given)], given, strict=True)), []


def _arrays(given: Any, what: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Images (N, …) and labels (N,) of one set, in any of its forms."""
    if isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "shape"):
        return _array(given[0]), _array(given[1])
    pairs = [given[index] for index in range(len(given))]
    images = [_array(image) for image, _ in pairs]
    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        raise DataError(f"{what} has images of several shapes: {shapes[0]} and {shapes[1]}",
                        "resize them to one shape in your function")
    return np.stack(images), np.asarray([_label(label) for _, label in pairs])


def _array(value: Any) -> NDArray[Any]:
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    return np.asarray(eight_bit(value) if isinstance(value, Image.Image) else value)


def _label(label: Any) -> Any:
    return label.item() if hasattr(label, "item") else label
