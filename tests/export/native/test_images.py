"""The programs' own image reader, called from here: each part must do what Pillow does, or say why not."""

from __future__ import annotations

import ctypes
import io
import random
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from edgenas.data.decode import decode

from ..decoding import FLAGS, compile_reader, decoders, need
from ..image_files import chunk, exact_files, jpeg_files, kind_of, oriented, picture, png, saved
from ..test_native import WARNINGS

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here")
HERE = Path(__file__).parent
EXACT, JPEG = dict(exact_files()), dict(jpeg_files())


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class Picture(ctypes.Structure):
    _fields_ = [*((name, ctypes.c_uint32) for name in ("width", "height", "channels")),
                ("pixels", ctypes.POINTER(ctypes.c_ubyte))]


@pytest.fixture(scope="session")
def reader(tmp_path_factory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("images")
    parts = compile_reader(folder, "-O2", "-fPIC", *WARNINGS)
    subprocess.run([*FLAGS, "-shared", *parts, "-lm", "-o", str(folder / "images.so")], check=True)
    found = ctypes.CDLL(str(folder / "images.so"))
    found.read_image.restype = found.fit.restype = ctypes.c_char_p
    found.read_image.argtypes = [Bytes, ctypes.POINTER(Picture)]
    return found


def read(reader: ctypes.CDLL, content: bytes) -> NDArray[np.uint8] | str:
    """(H, W, C), or the reason."""
    need(content)
    image = Picture()
    error = reader.read_image(Bytes(content, len(content)), ctypes.byref(image))
    if error:
        assert not image.pixels
        return str(error.decode())
    count = image.width * image.height * image.channels
    pixels = np.array(image.pixels[:count], np.uint8).reshape(image.height, image.width, image.channels)
    return pixels


def handed(pixels: NDArray[np.uint8]) -> Picture:
    height, width, channels = pixels.shape
    return Picture(width, height, channels, np.ascontiguousarray(pixels).ctypes.data_as(ctypes.POINTER(ctypes.c_ubyte)))


def flattened(reader: ctypes.CDLL, pixels: NDArray[np.uint8], channels: int) -> NDArray[np.uint8]:
    pixels = np.ascontiguousarray(pixels)
    result = np.zeros((*pixels.shape[:2], channels), np.uint8)
    reader.flatten(ctypes.byref(handed(pixels)), channels, result.ctypes.data_as(ctypes.c_void_p))
    return result


@pytest.mark.parametrize("name", EXACT)
def test_pixels_are_those_that_training_sees(reader, name: str) -> None:
    expected = decode(name, EXACT[name], None)
    found = read(reader, EXACT[name])
    assert not isinstance(found, str)
    channels = 1 if expected.ndim == 2 else 3
    np.testing.assert_array_equal(flattened(reader, found, channels), expected.reshape(*expected.shape[:2], channels))


@pytest.mark.parametrize("name", JPEG)
def test_a_jpeg_file_is_decoded_nearly_the_same(reader, name: str) -> None:
    expected = decode(name, JPEG[name], None).astype(int)
    found = read(reader, JPEG[name])
    assert not isinstance(found, str)
    difference = np.abs(found.reshape(expected.shape) - expected)
    assert difference.mean() < 0.6 and difference.max() <= 8


SIDES, SMALL = st.integers(1, 40), st.integers(1, 24)


@given(SIDES, SIDES, SMALL, SMALL, st.sampled_from([1, 3]))
def test_resizing_is_pillow_s_but_for_a_rounding(reader, width, height, to_width, to_height, channels) -> None:
    image = picture("L" if channels == 1 else "RGB", width, height)
    result = np.zeros((to_height, to_width, channels), np.uint8)
    pixels = np.ascontiguousarray(np.asarray(image).reshape(height, width, channels))
    to = result.ctypes.data_as(ctypes.c_void_p)
    assert reader.fit(ctypes.byref(handed(pixels)), to_width, to_height, to) is None
    expected = ImageOps.fit(image, (to_width, to_height), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(result.astype(int), np.asarray(expected).reshape(result.shape), atol=1)


def test_transparency_is_pillow_s_to_the_bit(reader) -> None:
    values, alphas = np.mgrid[:256, :256].astype(np.uint8)
    rgba = np.stack([values, values[::-1], values, alphas], 2)
    image = Image.fromarray(rgba)
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    np.testing.assert_array_equal(flattened(reader, rgba, 3), np.asarray(white.convert("RGB")))
    np.testing.assert_array_equal(flattened(reader, rgba, 1)[:, :, 0], np.asarray(white.convert("L")))


PNG, PHOTO, PPM = EXACT["RGB.png"], JPEG["photo-RGB.jpg"], EXACT["colour.ppm"]
PLAIN = saved(Image.new("RGB", (16, 16)), "JPEG", progressive=True)[:-2]
LAST_SCAN = PLAIN[PLAIN.rindex(b"\xff\xda"):]
DAMAGED = PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:]


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "the input is empty"),
    (b"GIF89a", "no image of a kind that is read: JPEG, PNG, PPM (P6) or PGM (P5)"),
    (b"P3\n1 1\n255\n0 0 0\n", "no image of a kind that is read"),
    (PNG[:-1], "ends early"), (PNG[:8], "ends early"), (PNG[:-12], "ends early"),
    (DAMAGED, "a checksum in it is wrong"),
    (PHOTO[:-2], "ends early"), (PHOTO[:4], "ends early"), (PHOTO[:len(PHOTO) // 2], "ends early"),
    (b"\xff\xd8\xff\xe0\x00\x04ab\x00", "ends early"), (b"\xff\xd8\xff\xe0\x00\x04abcd", "has a wrong length"),
    (b"\xff\xd8\xff\xd9", "cannot be decoded"),
    (PHOTO[:len(PHOTO) // 2] + b"\xff\xd9", "cannot be decoded: Corrupt JPEG data: premature end"),
    (PLAIN + 100 * LAST_SCAN + b"\xff\xd9", "cannot be decoded: it has more than 100 scans"),
    (png(9, 9, pixels=bytes(28 * 8)), "cannot be decoded"), (png(9, 9, more=chunk(b"ABCD", b"")), "cannot be decoded"),
    (PPM[:-1], "ends early"), (b"P6", "the header must have"), (b"P6\n4 4\n255", "the header must have"),
    (b"P5 0 4 255\n", "the header must have"), (b"P5 4 4 65536\n", "the header must have"),
    (b"P5 -4 4 255\n", "the header must have"), (b"P5 99999999999999999999 1 255\n", "the header must have"),
    (b"P6 99999 99999 255\n", "more than 67108864 pixels"), (png(99999, 99999), "more than 67108864 pixels"),
    (png(0, 9), "cannot be decoded"), (png(9, 9), "cannot be decoded"), (png(9, 9, 7), "cannot be decoded"),
    (png(2_000_000_000, 2_000_000_000), "more than 67108864 pixels"),
    (PPM + PPM, "another image follows the first one"), (PNG + PNG, "another image follows"),
    (PHOTO + PHOTO, "another image follows"), (PNG + PHOTO, "another image follows"),
    (PPM + b"x", "bytes follow the image's pixels"),
])
def test_what_is_no_whole_image_is_refused_with_a_reason(reader, content: bytes, reason: str) -> None:
    found = read(reader, content)
    assert isinstance(found, str)
    assert reason in found


@pytest.mark.parametrize("content", [
    PPM + b"\n", PNG + b"of no use", PHOTO + b"of no use", PHOTO[:2] + b"\xff" + PHOTO[2:],
    PHOTO[:2] + b"\xff\xe2\x00\x06MPF\x00" + PHOTO[2:] + PHOTO,
], ids=["newline", "after png", "after jpeg", "fill", "pictures of one file"])
def test_what_other_readers_take_is_read(reader, content: bytes) -> None:
    assert not isinstance(read(reader, content), str)


@pytest.mark.parametrize("tiff", [b"", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08", b"MM\0*\0\0\0\x08\0\x01",
                                  b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\x01\0\0\0\x09\0\0\0" * 2])
def test_a_damaged_orientation_is_none(reader, tiff: bytes) -> None:
    content = PHOTO[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + PHOTO[2:]
    np.testing.assert_array_equal(read(reader, content), read(reader, PHOTO))


def mutations(contents: list[bytes], count: int) -> list[bytes]:
    rng = random.Random(0)
    made = []
    for _ in range(count):
        content = bytearray(rng.choice(contents))
        for _ in range(rng.choice([1, 2, 8])):
            place = rng.randrange(len(content))
            match rng.randrange(4):
                case 0:
                    content[place] = rng.randrange(256)
                case 1:
                    del content[place:place + rng.randrange(1, 9)]
                case 2:
                    content[place:place] = rng.randbytes(rng.randrange(1, 9))
                case _:
                    content[place:place + 4] = rng.choice([b"\0" * 4, b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\x01"])
            content = content or bytearray(b"P")
        made.append(mended(bytes(content)))
    return made


def mended(content: bytes) -> bytes:
    """With right checksums in a PNG file, as they would stop the decoder from ever seeing what is wrong."""
    if content[:8] != PNG[:8]:
        return content
    at, parts = 8, [content[:8]]
    while at + 12 <= len(content):
        size = min(int.from_bytes(content[at:at + 4], "big"), len(content) - at - 12)
        parts.append(chunk(content[at + 4:at + 8], content[at + 8:at + 8 + size]))
        at += 12 + size
    return b"".join(parts) + content[at:]


def test_no_bytes_make_it_read_or_write_elsewhere(tmp_path: Path) -> None:
    program, sanitised = tmp_path / "fuzz", ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    probe = subprocess.run(["gcc", *sanitised, "-x", "c", "-", "-o", str(program)], input=b"int main(void){return 0;}",
                           capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this gcc has no address sanitiser")
    parts = compile_reader(tmp_path, *sanitised)
    subprocess.run([*FLAGS, *sanitised, str(HERE / "read_images.c"), *parts, "-lm", "-o", str(program)], check=True)
    whole = [*EXACT.values(), *JPEG.values(), oriented(picture("RGB", 20, 9), "PNG", 5),
             saved(picture("RGBA", 30, 30), "PNG")]
    given = mutations([content for content in whole if kind_of(content) in decoders().reads.kinds], 1000)
    packed = b"".join(struct.pack("<I", len(content)) + content for content in given)
    done = subprocess.run([str(program)], input=packed, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    read_, refused = map(int, done.stdout.split())
    assert read_ + refused == len(given)
    assert min(read_, refused) > len(given) // 10


def test_the_pictures_are_what_they_are_called() -> None:
    assert Image.open(io.BytesIO(EXACT["LA.png"])).mode == "LA"
    assert Image.open(io.BytesIO(EXACT["I;16.png"])).mode == "I;16"
    assert "transparency" in Image.open(io.BytesIO(EXACT["transparent.png"])).info
    assert Image.open(io.BytesIO(JPEG["photo-RGB-progressive.jpg"])).info["progressive"]
