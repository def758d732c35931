"""A user's own network on images of several sizes."""

from __future__ import annotations

from typing import ClassVar

from edgenas.flow.records.training import Accuracy
from edgenas.record import Kept, Number, Record


class SizeRow(Record):
    """One size of the images, with the run that is its own. cost: of each metric with a budget, as it was measured or
    counted. refused: why no network held the budgets, where none did."""

    image_size: int
    run: str
    cost: dict[str, Number] = {}
    accuracy: Accuracy | None = None
    refused: str | None = None


class Sizes(Kept):
    """sizes.json. chosen: the size at which the trained network is right on most validation images."""

    FILE: ClassVar[str] = "sizes.json"

    chosen: int
    validation_images: int
    sizes: tuple[SizeRow, ...]
