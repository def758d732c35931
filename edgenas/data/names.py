"""What the names of folders, files and splits say: train, validation, test, or nothing of the kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from edgenas.errors import DataError
from edgenas.text import counted

PartName = Literal["train", "validation", "test"]
Kind = Literal["train", "validation", "test", "evaluation", "unlabelled"]

PART_NAMES: Mapping[str, PartName] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}
WORDS: Mapping[str, Kind] = {
    **PART_NAMES,
    **dict.fromkeys(("trainset", "trainingset", "traindata", "trainval", "trn"), "train"),
    **dict.fromkeys(("valset", "validset", "validationset", "devset", "validating"), "validation"),
    **dict.fromkeys(("testset", "testdata", "tests", "tst", "holdout", "heldout"), "test"),
    **dict.fromkeys(("eval", "evaluation", "evaluate", "evalset"), "evaluation"),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled", "unsupervised", "unsup",
                     "submission"), "unlabelled"),
}
COMMON = frozenset((
    "set", "sets", "data", "dataset", "datasets", "image", "images", "imgs", "img", "pic", "pics", "picture",
    "pictures", "photo", "photos", "folder", "dir", "split", "splits", "part", "parts", "subset", "only", "final",
    "new", "all", "full", "small", "raw", "files", "jpg", "png"))
"""Words that tell nothing: `training_set` is train and nothing else, `train_station` may be a class."""


def words(name: str) -> list[str]:
    """`"asl_TrainSet2"` -> `["asl", "train", "set"]`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", re.sub(r"(?i)\b(hold|held)[\W_]*out", r"\1out", spaced.replace("_", " ")).lower())


def kind_of(name: str) -> Kind | None:
    """Which part a name speaks of, if of one."""
    found = {WORDS[word] for word in words(name) if word in WORDS}
    if "unlabelled" in found:
        return "unlabelled"
    return found.pop() if len(found) == 1 else None


def rest_of(name: str) -> tuple[str, ...]:
    """The words of a name that speak of no part."""
    return tuple(word for word in words(name) if word not in WORDS and word not in COMMON)


def is_plain(name: str) -> bool:
    """Whether a name speaks of a part and of nothing else."""
    return kind_of(name) is not None and not rest_of(name)


def is_common(name: str) -> bool:
    """Whether a name says no more than that images are inside."""
    return all(word in COMMON for word in words(name))


def assigned(source: str, what: str, names: Iterable[str]) -> tuple[dict[PartName, str], list[str]]:
    """Which of `names` is which part, and sentences on what was not plain.

    `eval` is test, as the package `datasets` has it; where there is a test part besides, it is validation.

    Raises: DataError when two of them are one part.
    """
    parts: dict[PartName, str] = {}
    kinds = {name: kind_of(name) for name in names}
    surest_first = sorted(kinds, key=lambda name: kinds[name] == "evaluation")
    for name in surest_first:
        kind = kinds[name]
        if kind is None or kind == "unlabelled":
            continue
        part: PartName = ("validation" if "test" in parts else "test") if kind == "evaluation" else kind
        if part in parts:
            raise DataError(f"{source} has two {part} {what}: {parts[part]} and {name}", "keep one of them")
        parts[part] = name
    taken = [f"{name} as {part}" for part, name in parts.items() if PART_NAMES.get(name.lower()) != part]
    left = [name for name, kind in kinds.items() if kind == "unlabelled" or kind is None]
    said = [f"{source}: taken {', '.join(taken)}"] if taken else []
    if left:
        said.append(f"{source}: {counted(len(left), what.removesuffix('s'))} left out, being none of "
                    f"{', '.join(get_args(PartName))}: {', '.join(left[:5])}")
    return parts, said
