"""Image files of every kind that programs read, by Pillow, and what Pillow makes of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

MODES = ("L", "LA", "RGB", "RGBA", "P", "1", "I;16")


def picture(mode: str, width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth, so that JPEG keeps it, with some noise."""
    rng = np.random.default_rng(seed)
    channels = {"L": 1, "1": 1, "I;16": 1, "LA": 2, "RGB": 3, "P": 3, "RGBA": 4}[mode]
    y, x = np.mgrid[:height, :width]
    planes = [128 + 90 * np.sin(x / (3 + c) + seed) * np.cos(y / (4 + c)) for c in range(channels)]
    pixels = np.clip(np.stack(planes, 2) + rng.normal(0, 6, (height, width, channels)), 0, 255).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 256 + 77)
    image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
    return image if image.mode == mode else image.quantize(40) if mode == "P" else image.convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def oriented(image: Image.Image, kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, kind, exif=exif)


MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"P5": "PGM", b"P6": "PPM"}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def kind_of(content: bytes) -> str:
    """By its first bytes; empty if they are of no kind that programs read."""
    return next((kind for magic, kind in MAGIC.items() if content.startswith(magic)), "")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, kind: int = 2, depth: int = 8, pixels: bytes = b"", interlaced: bool = False,
        more: bytes = b"") -> bytes:
    """A PNG file. kind: 0 grey, 2 RGB. pixels: rows with their filters; without, it promises what it does not have."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(pixels))
            + chunk(b"IEND", b""))


def rows(pixels: NDArray[np.generic]) -> bytes:
    """(H, ...) as unfiltered rows of a PNG file."""
    return b"".join(b"\0" + row.tobytes() for row in pixels)


def rare_png_files() -> Iterator[tuple[str, bytes]]:
    """That Pillow reads and does not write."""
    grey = np.asarray(picture("L", 16, 12))
    deep = np.asarray(picture("RGB", 9, 7)).astype(">u2") * 257 - 100
    passes = b"".join(rows(grey[y::down, x::right]) for x, y, right, down in ADAM7)
    yield "deep-RGB.png", png(9, 7, 2, 16, rows(deep))
    yield "interlaced.png", png(16, 12, 0, 8, passes, interlaced=True)
    yield "four-bits.png", png(32, 12, 0, 4, rows(grey))
    yield "one-transparent.png", png(16, 12, 0, 8, rows(grey), more=chunk(b"tRNS", struct.pack(">H", int(grey[3, 3]))))
    yield "gamma.png", png(16, 12, 0, 8, rows(grey), more=chunk(b"gAMA", struct.pack(">I", 100_000)))


def exact_files() -> Iterator[tuple[str, bytes]]:
    """Files of which any reader makes the same pixels."""
    for mode in MODES:
        yield f"{mode}.png", saved(picture(mode, 13, 11), "PNG")
    yield "transparent.png", saved(picture("P", 13, 11), "PNG", transparency=3)
    yield "grey.pgm", saved(picture("L", 13, 11), "PPM")
    yield "colour.ppm", saved(picture("RGB", 11, 14), "PPM")
    yield "dark.pgm", b"P5 # a comment\n5 4\n# another\n100\n" + bytes(range(90, 110))
    yield "deep.ppm", b"P6\n4 5\n1023\n" + np.arange(0, 1020, 17, dtype=">u2").tobytes()
    for orientation in range(1, 9):
        yield f"turned{orientation}.png", oriented(picture("RGB", 13, 11), "PNG", orientation)
    yield from rare_png_files()


def jpeg_files() -> Iterator[tuple[str, bytes]]:
    for mode, options in (("L", {}), ("RGB", {}), ("RGB", {"progressive": True}), ("RGB", {"subsampling": 0})):
        name = "-".join(["photo", mode, *map(str, options)])
        yield f"{name}.jpg", saved(picture(mode, 61, 47), "JPEG", quality=92, **options)
    yield "photo-CMYK.jpg", saved(picture("RGB", 61, 47).convert("CMYK"), "JPEG", quality=92)
    yield "turned6.jpg", oriented(picture("RGB", 61, 47), "JPEG", 6)


def prepared(content: bytes, channels: str, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3), as the manifest says and examples/run_onnx.py does. size: height, width."""
    image = Image.open(io.BytesIO(content))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert({"grey": "L", "RGB": "RGB"}[channels])
    return np.asarray(ImageOps.fit(image, size[::-1], Image.Resampling.BILINEAR))
