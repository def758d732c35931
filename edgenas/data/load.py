"""From a `--data` value to a task: read, divide, bring into memory, describe."""

from __future__ import annotations

import warnings
from typing import get_args

import numpy as np

from edgenas.data import sources, statistics
from edgenas.data.copies import without_copies
from edgenas.data.names import PartName
from edgenas.data.pixels import OnBadImage, in_memory
from edgenas.data.split import divide
from edgenas.data.task import Split, Task
from edgenas.errors import DataError, DataWarning, UsageError, unknown


def load(
    source: str,
    *,
    image_size: int | None = None,
    seed: int = 0,
    on_bad_image: OnBadImage = "error",
    validation_share: float = 0.15,
    test_share: float = 0.15,
    max_images: int | None = None,
) -> Task:
    """Load images by class and divide them, by `seed`, into train, validation and test.

    `source` is `mnist`, `digits`, a folder of images by class (with or without train, validation and test
    folders), a folder of parquet files, a data set `owner/name` of the Hugging Face hub, an `.npz` file, or
    `module:function` or `file.py:function`. A part that the source has is used as it is; one that it
    lacks is cut from its train part, each class in proportion: the shares are of that train part.

    image_size: pixels of a side; the centre square of an image of another size is resized to it. Without it
        all images must have one size.
    on_bad_image: "error" refuses images that cannot be read, "skip" leaves them out and records their names.
    max_images: keep at most this many images for training and validation together (and of the source's own
        validation part, if it has one). The test part is never reduced.

    Where the data is not as it should be and can be used, a DataWarning says how: copies of one image in several parts
    or classes, folders that were not plain, images of 16 bits that use few of them.

    Raises: DataError for data that cannot be used, UsageError for a source or value that is not understood.
    """
    if image_size is not None and not 4 <= image_size <= 4096:
        raise UsageError(f"--image-size {image_size} is not from 4 to 4096 pixels", "try --image-size 64")
    if not 0 <= seed < 2**32:
        raise UsageError(f"--seed {seed} is not from 0 to {2**32 - 1}", "try --seed 0")
    if on_bad_image not in get_args(OnBadImage):
        raise unknown("--on-bad-image", on_bad_image, get_args(OnBadImage))
    raw = sources.read(source)
    parts = divide(raw, seed=seed, validation_share=validation_share, test_share=test_share,
                   max_images=max_images)
    loaded = in_memory(parts, image_size, on_bad_image)
    missing: set[PartName] = {"validation", "test"}
    splits, copies = without_copies(loaded, missing - set(raw.parts))
    _still_there(raw.classes, splits["train"])
    notes = (*raw.notes, *loaded.notes, *copies)
    for note in notes:
        warnings.warn(note, DataWarning, stacklevel=2)
    mean, std = statistics.mean_std(splits["train"].images)
    return Task(
        name=raw.name, source=source, classes=raw.classes,
        train=splits["train"], validation=splits["validation"], test=splits["test"],
        mean=mean, std=std, seed=seed, skipped=loaded.skipped, notes=notes,
        fingerprint=statistics.fingerprint(
            raw.classes, {name: splits[name] for name in ("train", "validation", "test")}),
    )


def _still_there(classes: tuple[str, ...], train: Split) -> None:
    lost = np.setdiff1d(np.arange(len(classes)), train.labels.numpy())
    if len(lost):
        raise DataError(f"class {classes[lost[0]]!r} has no readable image left for training",
                        "add images of that class, or remove it")
