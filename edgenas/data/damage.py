"""Why an image file cannot be read, in words; and what a header may hold at most."""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from PIL import Image

from edgenas.data import limits
from edgenas.errors import FileError
from edgenas.text import one_line

KINDS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftypavi", "AVIF"), (4, b"ftyphei", "HEIC"), (4, b"ftyphev", "HEIC"), (4, b"ftypmif1", "HEIC or AVIF"),
    (4, b"ftyp", "a film or a kind of HEIC"), (4, b"JXL ", "JPEG XL"), (0, b"\xff\x0a", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"), (0, b"\xff\x4f\xff\x51", "JPEG 2000"), (0, b"8BPS", "a Photoshop file"),
    (0, b"%PDF", "a PDF"), (0, b"%!PS", "PostScript"), (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"\x00\x00\x01\x00", "an icon"), (128, b"DICM", "DICOM"), (0, b"\x89HDF", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"), (0, b"PK\x03\x04", "a zip archive"), (0, b"\x1f\x8b", "a gzip archive"),
)
READ = "JPEG, PNG, WebP, BMP, GIF, TIFF and PPM"
POINTER = b"version https://git-lfs"
TEXT = re.compile(rb"[\t\r\n\x20-\x7e\x80-\xff]*\Z")
RULE = re.compile(r"^.* (?:is (a \w+, not a regular file)|has (\d+ bytes; at most .*))$|^cannot read .*: (.*)$")
"""What a FileError says after the path."""
MOST_METADATA = 16 << 20
"""Bytes beside the picture in a JPEG or PNG file."""
MOST_CHUNKS = 100_000
MOST_TEXT = 1 << 16
"""Bytes in which a PNM file has to say its size."""


def reason(error: Exception, head: bytes | None) -> str:
    """Why a file that begins with `head` (up to 256 bytes; None: it could not be opened) could not be read."""
    text = one_line(str(error), 200)
    if isinstance(error, FileError):
        return RULE.sub(r"\1\2\3", text)
    if isinstance(error, Image.DecompressionBombError) and (pixels := re.search(r"\d+", text)):
        return limits.too_many_pixels(int(pixels[0]))
    if "cannot identify image" not in text:
        return text or type(error).__name__
    if not head:
        return "an empty file"
    if head.startswith(POINTER):
        return "the pointer of Git LFS, not the file itself: git lfs pull fetches it"
    for offset, magic, words in KINDS:
        if head[offset:offset + len(magic)] == magic:
            return f"{words}, and only {READ} are read"
    if re.match(rb"\s*<(!doctype html|html)", head, re.IGNORECASE):
        return "a web page, no image"
    if re.match(rb"\s*<(\?xml|svg)", head, re.IGNORECASE):
        return f"XML or SVG, and only {READ} are read"
    return "text, no image" if TEXT.match(head) else f"none of {READ}, or damaged at its beginning"


def check_metadata(stream: BinaryIO) -> None:
    """Walk the chunks of a JPEG or GIF up to its picture, of a PNG to its end; then the stream is at its beginning.

    Decoders keep what they find there, some by copying all of it for each chunk.

    Raises: ValueError when there is more than a decoder should be given.
    """
    begin = stream.read(8)
    if begin.startswith(b"\xff\xd8"):
        stream.seek(2)
        _walk_jpeg(stream)
    elif begin == b"\x89PNG\r\n\x1a\n":
        _walk_png(stream)
    elif begin.startswith(b"GIF8"):
        _walk_gif(stream)
    elif re.match(rb"P[1-7f]\s", begin):
        stream.seek(0)
        if len(re.sub(rb"#[^\n]*", b"", stream.read(MOST_TEXT)).split(maxsplit=3)) < 4:
            raise ValueError(f"no sizes in the first {MOST_TEXT} bytes")
    stream.seek(0)


def _walk_jpeg(stream: BinaryIO) -> None:
    for _ in range(MOST_CHUNKS):
        marker = stream.read(2)
        if marker == b"\xff\xff":  # filling
            stream.seek(-1, os.SEEK_CUR)
            continue
        if len(marker) < 2 or marker[1] == 0xDA:
            return
        if marker[0] != 0xFF:  # no marker: decoders look for the next one
            stream.seek(-1, os.SEEK_CUR)
        elif not (0xD0 <= marker[1] <= 0xD8 or marker[1] in (0x00, 0x01)):
            stream.seek(max(0, int.from_bytes(stream.read(2), "big") - 2), os.SEEK_CUR)
        _within(stream.tell())
    raise ValueError(f"more than {MOST_CHUNKS} pieces of metadata")


def _walk_png(stream: BinaryIO) -> None:
    beside = chunks = 0
    while len(head := stream.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND":
            return
        if kind not in (b"IDAT", b"fdAT"):
            beside, chunks = beside + size, chunks + 1
            _within(beside)
        if chunks > MOST_CHUNKS:
            raise ValueError(f"more than {MOST_CHUNKS} pieces of metadata")
        stream.seek(size + 4, os.SEEK_CUR)


def _walk_gif(stream: BinaryIO) -> None:
    """Up to the first frame, which begins with a comma."""
    stream.seek(10)
    flags = stream.read(3)
    stream.seek(3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0, os.SEEK_CUR)
    for _ in range(MOST_CHUNKS):
        kind = stream.read(1)
        if kind in (b",", b";", b""):
            return
        if kind == b"!":
            stream.seek(1, os.SEEK_CUR)
            while size := stream.read(1).strip(b"\0"):
                stream.seek(size[0], os.SEEK_CUR)
                _within(stream.tell())
    raise ValueError(f"more than {MOST_CHUNKS} pieces of metadata")


def _within(size: int) -> None:
    if size > MOST_METADATA:
        raise ValueError(f"more than {MOST_METADATA >> 20} MiB of metadata")
