"""Image files of every kind that programs read, by Pillow, and what Pillow makes of them."""

from __future__ import annotations

import io
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


def jpeg_files() -> Iterator[tuple[str, bytes]]:
    for mode, options in (("L", {}), ("RGB", {}), ("RGB", {"progressive": True}), ("RGB", {"subsampling": 0})):
        name = "-".join(["photo", mode, *map(str, options)])
        yield f"{name}.jpg", saved(picture(mode, 61, 47), "JPEG", quality=92, **options)
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
