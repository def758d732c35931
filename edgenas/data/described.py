"""What a run keeps of its data."""

from __future__ import annotations

from typing import ClassVar

from edgenas.record import Kept


class Data(Kept):
    """data.json. sizes, per_class: numbers of images by part, and by part and class. skipped: unreadable images.
    notes: what a user should know. mean, std: by channel, of values from 0 to 1."""

    FILE: ClassVar[str] = "data.json"

    name: str
    source: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    sizes: dict[str, int]
    per_class: dict[str, dict[str, int]]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    seed: int
    skipped: tuple[str, ...]
    notes: tuple[str, ...] = ()
    fingerprint: str
