"""Image files to pixels, by Pillow."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edgenas.data.arrays import SMALLEST
from edgenas.errors import DataError

# Formats that Pillow reads by itself; others, such as EPS, start another program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# What Pillow raises for files that are damaged or no images.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
              struct.error, zlib.error, Image.DecompressionBombError)


def decode(name: str, content: Path | bytes | None, size: int | None) -> NDArray[np.uint8]:
    """(H, W) of a grey image or (H, W, 3) of any other, upright as its EXIF says.

    With `size`, the centre square is resized to (size, size); a large JPEG is decoded at a reduced scale of
    at least twice that.

    Raises: one of UNREADABLE; DataError for an image smaller than 4×4.
    """
    if content is None:
        raise ValueError("no image")
    file = content if isinstance(content, Path) else BytesIO(content)
    with Image.open(file, formats=FORMATS) as image:
        if min(image.size) < SMALLEST:
            raise DataError(f"{name} is {image.width}×{image.height} pixels, and images are at least "
                            f"{SMALLEST}×{SMALLEST}", "remove it")
        if size is not None:
            image.draft(None, (2 * size, 2 * size))
        ImageOps.exif_transpose(image, in_place=True)
        plain = eight_bit(image)
    if size is not None and plain.size != (size, size):
        plain = _centre(plain).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(plain)


def _centre(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def eight_bit(image: Image.Image) -> Image.Image:
    """Mode L of a grey image, RGB of any other; what is transparent shows white."""
    if image.mode.startswith("I;16"):
        deep: NDArray[Any] = np.asarray(image)
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit grey values (mode {image.mode}) have no known range")
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)
