"""Dividing a source's images into train, validation and test: once, seeded, each class in proportion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgenas.data.names import PartName
from edgenas.data.raw import Part, RawData
from edgenas.errors import DataError, UsageError


def divide(
    raw: RawData, *, seed: int, validation_share: float, test_share: float, max_images: int | None
) -> dict[PartName, Part]:
    """The three parts. One that the source has is used as it is; one that it lacks is cut from its train.

    Shares are of the source's train part. `max_images` keeps a stratified sample of at most that many images
    of what is left after the test part is cut, validation included, and of the source's own validation part
    if it has one; the test part is never reduced, so that it is the same for every `max_images`.

    Raises: UsageError for shares out of range, DataError for a class with too few images to divide.
    """
    if not (min(validation_share, test_share) > 0 and validation_share + test_share < 1):
        raise UsageError(f"the shares {validation_share} for validation and {test_share} for test "
                         "must be above 0 and less than 1 together", "try 0.15 for both")
    parts = dict(raw.parts)
    missing = [name for name in ("validation", "test") if name not in parts]
    _enough(parts["train"], raw.classes, ["train", *missing], "add images of that class, or remove it")
    if "test" in missing:
        count = round(test_share * len(parts["train"]))
        parts["train"], parts["test"] = _cut(parts["train"], count, seed, keep=len(missing))
        validation_share /= 1 - test_share
    if max_images is not None:
        for name in [name for name in parts if name != "test"]:
            parts[name] = _sample(parts[name], max_images, raw.classes, seed)
    if "validation" in missing:
        _enough(parts["train"], raw.classes, ["train", "validation"],
                "give a larger --max-images, or more images of that class")
        count = round(validation_share * len(parts["train"]))
        parts["train"], parts["validation"] = _cut(parts["train"], count, seed, keep=1)
    return parts


def _enough(part: Part, classes: Sequence[str], names: list[str], hint: str) -> None:
    """Each class must have an image for each of the named parts that this one is to become."""
    counts = np.bincount(part.labels, minlength=len(classes))
    least = int(counts.argmin())
    if counts[least] < len(names):
        raise DataError(f"class {classes[least]!r} has {counts[least]} images, too few to divide into "
                        f"{' and '.join(names)}", hint)


def _sample(part: Part, most: int, classes: Sequence[str], seed: int) -> Part:
    """At most `most` images, each class in proportion."""
    if most < len(classes):
        raise UsageError(f"--max-images {most} is less than one image for each of the {len(classes)} classes",
                         f"try --max-images {100 * len(classes)}")
    return part if len(part) <= most else _cut(part, len(part) - most, seed, keep=0)[0]


def _cut(part: Part, count: int, seed: int, keep: int) -> tuple[Part, Part]:
    """What is left and about `count` images cut off; both have at least as many images as there are classes.

    keep: how many images of each class are left at least, where it has more than that; they are not cut off.
    """
    from sklearn.model_selection import train_test_split  # takes seconds to import

    present = len(np.unique(part.labels))
    count = min(max(count, present), len(part) - present)
    rest, out = train_test_split(
        np.arange(len(part)), test_size=count, random_state=seed, stratify=part.labels)
    left = np.bincount(part.labels[rest], minlength=int(part.labels.max()) + 1)
    for label in np.intersect1d(np.flatnonzero(left < keep), part.labels):
        back = out[part.labels[out] == label][:keep - left[label]]
        rest, out = np.concatenate([rest, back]), out[~np.isin(out, back)]
    return part.take(rest), part.take(out)
