"""Files that block, bomb or are no images: the reason in words, little memory, no waiting."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgenas.data import DataWarning, damage, limits, load
from edgenas.data.decode import Unreadable, decode
from edgenas.errors import DataError, UsageError


def encoded(image, kind="PNG", **options):
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


SMALL = Image.new("RGB", (8, 8), "red")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, extra=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def gif(width, height, before=b""):
    return (b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + before + b"\x21\xf9\x04\x08\0\0\0\0\x2c"
            + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0;")


EXIF = b"\xff\xe1" + struct.pack(">H", 65535) + b"Exif\0\0" + bytes(65527)
JPEG = encoded(SMALL, "JPEG")


@pytest.mark.parametrize(("content", "words"), [
    (encoded(SMALL, "AVIF"), "AVIF, and only JPEG, PNG"), (b"", "an empty file"), (b"a,b\n1,2\n", "text, no image"),
    (b"<!DOCTYPE html><p>404", "a web page"), (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    (b"<svg/>", "SVG"), (b"PK\x03\x04" + bytes(30), "a zip archive"), (bytes(300), "none of JPEG, PNG"),
    (encoded(Image.new("F", (8, 8)), "TIFF"), "32-bit grey values"), (None, "no image"), ("x.png", "of type str"),
    (png(20000, 10000), r"200,000,000 pixels, and 67,108,864 is the most; raise it with EDGENAS_MAX_PIXELS=200000000"),
    (png(9000, 9000), "81,000,000 pixels"), (gif(65535, 65535), "4,294,836,225 pixels"),
    (png(8, 8, chunk(b"prVt", b"") * 100_001), "more than 100000 pieces of metadata"),
    (png(8, 8, chunk(b"eXIf", bytes(17 << 20))), "more than 16 MiB of metadata"),
    (png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20))) * 70), "text chunks"),
    (JPEG[:2] + EXIF * 300 + JPEG[2:], "more than 16 MiB of metadata"),
    (JPEG[:2] + b"\xff" * 200_000 + JPEG[2:], "more than 100000 pieces of metadata"),
    (gif(8, 8, b"\x21\xfe\x01a\0" * 100_001), "more than 100000 pieces of metadata"),
    (b"P5\n#" + b"a" * 70_000, "no sizes in the first 65536 bytes"),
])
def test_the_reason_is_told(content, words):
    with pytest.raises(Unreadable, match=words):
        decode("x", content, None)


def test_what_blocks_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket.png"))
    for name, words in (("pipe", "^a pipe, not a regular file$"), ("link", "^a pipe, not"), ("zero", "^a device, not"),
                        ("socket", "^No such device"), ("gone", "^No such file or directory$")):
        with pytest.raises(Unreadable, match=words):
            decode("x", tmp_path / f"{name}.png", None)


def test_the_limit_of_pixels_is_raised_by_what_the_sentence_says(monkeypatch):
    content = encoded(Image.new("L", (400, 300)))
    monkeypatch.setenv("EDGENAS_MAX_PIXELS", "1e5")
    with pytest.raises(Unreadable, match="120,000 pixels, and 100,000 is the most; raise .*EDGENAS_MAX_PIXELS=120000"):
        decode("x", content, 8)
    monkeypatch.setenv("EDGENAS_MAX_PIXELS", "120000")
    assert decode("x", content, 8).shape == (8, 8)
    assert Image.MAX_IMAGE_PIXELS == 89478485  # a user's own Pillow is as it was


@pytest.mark.parametrize("text", ["many", "-1", "nan", "inf", "0"])
def test_limits_that_are_no_numbers(monkeypatch, text):
    monkeypatch.setenv("EDGENAS_MAX_PIXELS", text)
    with pytest.raises(UsageError, match=f"EDGENAS_MAX_PIXELS={text} is no number above 0"):
        limits.max_pixels()


def test_more_images_than_there_is_memory_for(folder, monkeypatch):
    root = folder({"a": 4, "b": 4}, size=(300, 300))
    monkeypatch.setenv("EDGENAS_MAX_DATA_GIB", "0.001")
    with pytest.raises(DataError, match=r"4 images of 300×300: 0\.00 GiB in memory, and 0\.00 GiB is") as caught:
        load(str(root))
    assert "EDGENAS_MAX_DATA_GIB=1" in caught.value.hint


def deep(folder, brightest, channels=1):
    for label, low in (("a", 0.5), ("b", 0.8)):
        (folder / label).mkdir(parents=True)
        for index in range(8):
            values = np.random.default_rng(index).uniform(low, 1, (8, 8)) * brightest
            Image.fromarray(values.astype(np.uint16)).save(folder / label / f"{index}.png")
    return str(folder)


def test_twelve_bits_in_sixteen_are_said(tmp_path, recwarn):
    notes = load(deep(tmp_path / "d", 4095)).notes
    assert notes[0].startswith("no pixel of the training images is brighter than 15 of 255: of 256 levels 16 are left "
                               "(scale the values to the whole range); of 16 images with 16 bits the upper 8 are ")
    assert any(issubclass(warning.category, DataWarning) for warning in recwarn)


def test_sixteen_bits_are_as_they_were(tmp_path):
    assert load(deep(tmp_path / "d", 65535)).notes == ()


def test_several_frames_are_said(folder):
    root = folder({"a": 8, "b": 8})
    frames = [Image.fromarray(np.random.default_rng(seed).integers(0, 256, (10, 12), np.uint8)) for seed in range(3)]
    frames[0].save(root / "a" / "film.gif", save_all=True, append_images=frames[1:])
    with pytest.warns(DataWarning, match=r"^1 image with several frames or pages, of which the first is read: a/film"):
        load(str(root))


def test_names_of_any_bytes_are_made_printable(folder):
    root = folder({"a\x1b[31m": 8, "b": 8})
    with open(os.fsencode(root / "b") + b"/caf\xe9\x1b[2J.png", "wb") as file:
        file.write(b"text")
    with pytest.raises(DataError) as caught:
        load(str(root))
    assert r"b/caf\udce9\x1b[2J.png (text, no image)" in caught.value.message
    os.unlink(os.fsencode(root / "b") + b"/caf\xe9\x1b[2J.png")
    with pytest.warns(DataWarning, match="1 class name with characters that cannot be printed"):
        assert load(str(root)).classes == (r"a\x1b[31m", "b")


def test_every_kind_is_told_by_its_beginning():
    for offset, magic, words in damage.KINDS:
        error = OSError("cannot identify image file")
        assert damage.reason(error, bytes(offset) + magic + bytes(40)).startswith(words)


def test_a_file_that_cannot_be_opened_has_no_path_in_its_reason(tmp_path):
    with pytest.raises(Unreadable, match="^a folder, not a regular file$"):
        decode("x", Path(tmp_path), None)
