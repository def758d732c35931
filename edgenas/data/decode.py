"""Image files to pixels, by Pillow."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edgenas.data import limits
from edgenas.data.arrays import SMALLEST
from edgenas.data.damage import check_metadata, reason
from edgenas.errors import FileError
from edgenas.files import read_bounded

# Formats that Pillow reads by itself; others, such as EPS, start another program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# What Pillow raises for files that are damaged or no images.
DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, AssertionError,
           AttributeError, RuntimeError, MemoryError, struct.error, zlib.error, Image.DecompressionBombError)


class Unreadable(Exception):
    """An image that cannot be used; the text says why."""


@dataclass
class Seen:
    """What was met in the files of a data set: images of 16 bits a channel, and of several frames or pages."""

    deep: int = 0
    several: int = 0
    first_deep: str = ""
    first_several: str = ""


def decode(name: str, content: Path | bytes | None, size: int | None, seen: Seen | None = None) -> NDArray[np.uint8]:
    """(H, W) of a grey image or (H, W, 3) of any other, upright as its EXIF says; the first of several frames.

    With `size`, the centre square is resized to (size, size); a large JPEG is decoded at a reduced scale of
    at least twice that. What it is like is counted in `seen`.

    Raises: Unreadable for what is no image, damaged, larger than limits allow or smaller than 4×4.
    """
    head: bytes | None = None
    try:
        found = _bytes(content)
        head = found[:256]
        check_metadata(BytesIO(found))
        with limits.pillow():
            return _pixels(name, BytesIO(found), size, seen or Seen())
    except (*DAMAGED, FileError) as error:
        raise Unreadable(reason(error, head)) from error


def _bytes(content: Path | bytes | None) -> bytes:
    most = max(64 << 20, 8 * limits.max_pixels())
    if isinstance(content, Path):
        return read_bounded(content, most)
    if not isinstance(content, bytes):
        raise ValueError("no image" if content is None else f"a value of type {type(content).__name__}, no image")
    if len(content) > most:
        raise ValueError(f"{len(content)} bytes; at most {most} are read")
    return content


def _pixels(name: str, stream: BinaryIO, size: int | None, seen: Seen) -> NDArray[np.uint8]:
    with Image.open(stream, formats=FORMATS) as image:
        _check_size(image)
        _notice(name, image, seen)
        if size is not None:
            image.draft(None, (2 * size, 2 * size))
        ImageOps.exif_transpose(image, in_place=True)
        plain = eight_bit(image)
    if size is not None and plain.size != (size, size):
        plain = _centre(plain).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(plain)


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > limits.max_pixels():
        raise ValueError(limits.too_many_pixels(image.width * image.height))
    if min(image.size) < SMALLEST:
        raise ValueError(f"{image.width}×{image.height} pixels, and images are at least {SMALLEST}×{SMALLEST}")


def _notice(name: str, image: Image.Image, seen: Seen) -> None:
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM") or any(
            ";16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        seen.deep, seen.first_deep = seen.deep + 1, seen.first_deep or name
    if image.format != "MPO" and getattr(image, "is_animated", False):  # cameras put a preview beside the picture
        seen.several, seen.first_several = seen.several + 1, seen.first_several or name


def _centre(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def eight_bit(image: Image.Image) -> Image.Image:
    """Mode L of a grey image, RGB of any other; what is transparent shows white."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        deep: NDArray[Any] = np.asarray(image)
        return Image.fromarray((deep >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"32-bit grey values (mode {image.mode}) have no known range")
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)
