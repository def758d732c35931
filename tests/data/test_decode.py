from __future__ import annotations

import contextlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import EpsImagePlugin, Image

from edgenas.data.decode import Unreadable, decode


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(width: int, height: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_files_come_back_exactly(tmp_path, kind, channels):
    pixels = noise(7, 5, channels)
    content = encoded(Image.fromarray(pixels), kind)
    np.testing.assert_array_equal(decode("x", content, None), pixels)
    (tmp_path / "x").write_bytes(content)
    np.testing.assert_array_equal(decode("x", tmp_path / "x", None), pixels)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_lossy_kinds_are_read(kind):
    assert decode("x", encoded(Image.new("RGB", (9, 8), "red"), kind), None).shape == (8, 9, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_respected(orientation):
    upright = Image.new("RGB", (16, 8), "black")
    upright.paste("white", (0, 0, 8, 4))
    undo = Image.Transpose
    inverse = {2: undo.FLIP_LEFT_RIGHT, 3: undo.ROTATE_180, 4: undo.FLIP_TOP_BOTTOM, 5: undo.TRANSPOSE,
               6: undo.ROTATE_90, 7: undo.TRANSVERSE, 8: undo.ROTATE_270}
    stored = upright.transpose(inverse[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(stored, "PNG", exif=exif)
    np.testing.assert_array_equal(decode("x", content, None), np.asarray(upright))


def test_modes():
    grey = noise(6, 6, 1)
    deep = grey.astype(np.uint16) * 256 + 17
    np.testing.assert_array_equal(decode("x", encoded(Image.fromarray(deep)), None), grey)
    assert decode("x", encoded(Image.new("1", (6, 6), 1)), None).tolist() == [[255] * 6] * 6
    assert decode("x", encoded(Image.new("LA", (6, 6), (9, 255))), None).tolist() == [[9] * 6] * 6
    assert decode("x", encoded(Image.new("P", (6, 6), 0)), None).shape == (6, 6, 3)
    assert decode("x", encoded(Image.new("CMYK", (6, 6), 0), "TIFF"), None).tolist() == [[[255] * 3] * 6] * 6


def test_what_is_transparent_shows_white():
    assert (decode("x", encoded(Image.new("RGBA", (6, 6), (0, 0, 0, 0))), None) == 255).all()
    assert (decode("x", encoded(Image.new("LA", (6, 6), (0, 0))), None) == 255).all()
    half = decode("x", encoded(Image.new("RGBA", (6, 6), (255, 0, 0, 255))), None)
    assert half[0, 0].tolist() == [255, 0, 0]


def test_size_resizes_the_centre_square():
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (10, 0, 30, 20))
    pixels = decode("x", encoded(image), 5)
    assert pixels.shape == (5, 5, 3)
    assert (pixels == (0, 0, 255)).all()


def test_an_image_of_that_size_is_left_alone():
    pixels = noise(6, 6)
    np.testing.assert_array_equal(decode("x", encoded(Image.fromarray(pixels)), 6), pixels)


def test_a_large_jpeg_read_at_a_reduced_scale_looks_the_same():
    smooth = Image.fromarray(noise(8, 6)).resize((1600, 1200), Image.Resampling.BICUBIC)
    fast = decode("x", encoded(smooth, "JPEG", quality=95), 32).astype(int)
    slow = decode("x", encoded(smooth, "PNG"), 32).astype(int)
    assert np.abs(fast - slow).mean() < 2


@pytest.mark.parametrize(("name", "content"), [
    ("text", b"this is no image\n" * 10), ("empty", b""), ("none", None),
    ("truncated png", encoded(Image.fromarray(noise(30, 30)))[:-700]),
    ("truncated jpeg", encoded(Image.fromarray(noise(64, 64)), "JPEG")[:1500]),
    ("32-bit grey", encoded(Image.new("F", (6, 6)), "TIFF")),
])
def test_unreadable(name, content):
    with pytest.raises(Unreadable):
        decode(name, content, None)


def test_no_other_program_is_started_to_read_an_image(monkeypatch):
    def started(*args, **kwargs):
        raise AssertionError("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    with pytest.raises(Unreadable):
        decode("x", encoded(Image.new("RGB", (6, 6)), "EPS"), None)


def test_a_tiny_image_is_named():
    with pytest.raises(Unreadable, match="^3×9 pixels, and images are at least 4×4$"):
        decode("dot.png", encoded(Image.new("RGB", (3, 9))), 32)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow warns of the metadata that was damaged
@settings(deadline=None, max_examples=150)
@given(kind=st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]), data=st.data())
def test_damaged_files_never_raise_anything_else(kind, data):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = bytearray(encoded(Image.fromarray(noise(9, 7)), kind, exif=exif))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[:data.draw(st.integers(0, len(content)))]
    with contextlib.suppress(Unreadable):
        assert decode("x", bytes(content), 8).shape[:2] == (8, 8)
