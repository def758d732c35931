"""What a run keeps of its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from edgenas.record import Kept

if TYPE_CHECKING:
    from edgenas.data.task import Task


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

    @classmethod
    def of(cls, task: Task) -> Data:
        parts = {"train": task.train, "validation": task.validation, "test": task.test}
        return cls(
            name=task.name, source=task.source, classes=task.classes, input_shape=task.input_shape,
            sizes={part: len(split) for part, split in parts.items()},
            per_class={part: task.per_class(split) for part, split in parts.items()},
            mean=task.mean, std=task.std, seed=task.seed, skipped=task.skipped, notes=task.notes,
            fingerprint=task.fingerprint)
