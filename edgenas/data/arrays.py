"""Arrays of images in their several layouts and scales, brought to uint8 (N, C, H, W)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edgenas.errors import DataError

SMALLEST = 4  # pixels of a side
AT_ONCE = 256  # images


def as_images(array: NDArray[Any], what: str) -> Tensor:
    """uint8 (N, C, H, W) from (N, H, W), (N, H, W, C) or (N, C, H, W); C is 1 or 3.

    uint8 is taken as it is; floats from 0 to 1 are scaled to 0 to 255.

    Raises: DataError naming `what`, the shape, or the range of the values.
    """
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] not in (1, 3):
        raise DataError(f"{what} has the shape {array.shape}, which is none of (N, H, W), (N, H, W, C) and "
                        "(N, C, H, W) with 1 or 3 channels",
                        "leave the fourth channel out" if array.ndim == 4 and 4 in array.shape[1::2] else
                        "reshape the array")
    if min(array.shape[2:]) < SMALLEST:
        raise DataError(f"{what} has the shape {array.shape}, but images are at least "
                        f"{SMALLEST}×{SMALLEST} pixels",
                        "give larger images")
    return torch.from_numpy(np.ascontiguousarray(_bytes(array, what)))


def _bytes(array: NDArray[Any], what: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8 or array.size == 0:
        return array.astype(np.uint8, copy=False)
    if array.dtype.kind not in "iuf":
        raise DataError(f"{what} has values of type {array.dtype}, "
                        "but images are uint8, or floats from 0 to 1",
                        "multiply it by 255" * (array.dtype.kind == "b") or "convert the array with .astype('uint8')")
    low, high = array.min(), array.max()
    if np.isnan(low):
        raise DataError(f"{what} holds NaN values", "replace or remove the images that hold them")
    if array.dtype.kind != "f" or low < 0 or high > 1:
        raise DataError(f"{what} has {array.dtype} values from {low:g} to {high:g}, "
                        "but images are uint8, or floats from 0 to 1",
                        "scale the floats to 0..1, or convert values of 0..255 with .astype('uint8')")
    scaled = np.empty(array.shape, dtype=np.uint8)
    for start in range(0, len(array), AT_ONCE):  # all at once would take many times the array's memory
        scaled[start:start + AT_ONCE] = np.rint(array[start:start + AT_ONCE] * 255)
    return scaled


def squared(images: Tensor, size: int) -> Tensor:
    """The centre square of each image, resized to (size, size); uint8 (N, C, H, W) in and out."""
    height, width = images.shape[2:]
    if (height, width) == (size, size):
        return images
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = images[:, :, top:top + side, left:left + side]
    return functional.interpolate(square, (size, size), mode="bilinear", antialias=True)
