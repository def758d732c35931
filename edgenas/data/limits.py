"""How much one image and one data set may take.

A file of a few bytes can claim terabytes. What it claims is read first, and refused beyond these limits in a sentence
that says how to raise them. They belong to a machine, not to a run, so they are environment variables.
"""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from edgenas.errors import DataError, UsageError

PIXELS, GIBIBYTES = "EDGENAS_MAX_PIXELS", "EDGENAS_MAX_DATA_GIB"
MOST_PIXELS = 1 << 26
"""Width × height of one image: 8192×8192, some 1 GiB while it is decoded."""
GIB = 1 << 30
USUAL_RATIO = 50
"""Images that are packed any smaller are no photographs."""


def max_pixels() -> int:
    """Raises: UsageError when EDGENAS_MAX_PIXELS is no number above 0."""
    return int(_number(PIXELS) or MOST_PIXELS)


def max_bytes() -> int:
    """Bytes of all images of a data set in memory: half of the machine's, or what EDGENAS_MAX_DATA_GIB says.

    Raises: UsageError when that is no number above 0.
    """
    chosen = _number(GIBIBYTES)
    return int(chosen * GIB) if chosen else _memory() // 2


def too_many_pixels(pixels: int) -> str:
    return f"{pixels:,} pixels, and {max_pixels():,} is the most; raise it with {PIXELS}={pixels}"


def check_bytes(what: str, size: int) -> None:
    """Raises: DataError when `what` takes more bytes in memory than there may be."""
    if size > max_bytes():
        raise DataError(f"{what}: {gib(size)} in memory, and {gib(max_bytes())} is the most",
                        f"give a smaller --image-size or --max-images, or raise the limit: {raised(size)}")


def check_unpacked(what: str, packed: int, unpacked: int) -> None:
    """Raises: DataError as `check_expansion` and `check_bytes` do."""
    check_expansion(what, packed, unpacked)
    check_bytes(what, unpacked)


def check_expansion(what: str, packed: int, unpacked: int) -> None:
    """Raises: DataError when `packed` bytes of a file claim to unpack to far more than images do."""
    if _number(GIBIBYTES) is None and unpacked > max(GIB, USUAL_RATIO * packed):
        raise DataError(f"{what} unpacks from {packed} bytes to {gib(unpacked)}, which images never do",
                        f"check where the file comes from; if it is right: {raised(unpacked)}")


def gib(size: int) -> str:
    """Bytes as text; what no machine has is not spelt out."""
    return f"{size / GIB:.2f} GiB" if size < 1 << 70 else "more than 2^70 bytes"


def raised(size: int) -> str:
    """What to type so that `size` bytes are let in."""
    return f"{GIBIBYTES}={math.ceil(min(size, 1 << 70) / GIB)}"


@contextlib.contextmanager
def pillow() -> Iterator[None]:
    """Pillow's own check, which also sees frames, refuses what is above `max_pixels`, and warns of nothing below."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels() // 2  # it raises at twice that
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _number(variable: str) -> float | None:
    text = os.environ.get(variable, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 / 1024 <= value <= 1 << 60:
        raise UsageError(f"{variable}={text} is no number above 0", f"{variable}=64, or leave it out")
    return value


def _memory() -> int:
    """Bytes of this machine, or of the container that this process is in."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not every system tells
        whole = 16 * GIB
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        limit = "max"
    return min(whole, int(limit)) if limit.isdigit() else whole
