"""Which spaces there are."""

from __future__ import annotations

import re

from edgenas.errors import UsageError
from edgenas.record import Number, Record
from edgenas.space.load import load_space, space_names, summary
from edgenas.space.space import Space
from edgenas.text import quoted

LARGEST_SIDE = 4096


class ListedSpace(Record):
    """size: architectures. reachable: by metric its smallest and largest cost on a device, None where nothing was
    profiled; only where a device was asked for."""

    name: str
    summary: str
    size: int
    reachable: dict[str, tuple[Number, Number] | None] = {}


def listing(input_shape: str, classes: int) -> list[ListedSpace]:
    """Every space with its number of architectures.

    Raises: UsageError as parse_shape has it.
    """
    shape = parse_shape(input_shape)
    return [entry(name, load_space(name, shape, classes)) for name in space_names()]


def entry(name: str, space: Space) -> ListedSpace:
    return ListedSpace(name=name, summary=summary(name), size=space.size)


def parse_shape(text: str) -> tuple[int, int, int]:
    """`3x32x32` -> (3, 32, 32).

    Raises: UsageError for any other form, or a side below 4 pixels.
    """
    match = re.fullmatch(r"(\d{1,4})x(\d{1,4})x(\d{1,4})", text)
    if not match or int(match[1]) < 1 or not all(4 <= int(side) <= LARGEST_SIDE for side in match.groups()[1:]):
        raise UsageError(f"{quoted(text)} is no image shape",
                         f"write channels x height x width, e.g. 3x32x32; a side has 4 to {LARGEST_SIDE} pixels")
    return int(match[1]), int(match[2]), int(match[3])
