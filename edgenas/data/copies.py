"""The same image more than once: in two parts, or in two classes.

A test image that was trained on is no test. Of what edgenas divides itself, copies never come on both sides; of parts
that a source has, they are counted and told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgenas.data.names import PartName
from edgenas.data.pixels import Loaded
from edgenas.data.raw import Rows
from edgenas.data.task import Split
from edgenas.text import counted

KEPT_FIRST: tuple[PartName, ...] = ("test", "validation", "train")
"""A copy stays in the first of these."""


def without_copies(loaded: Loaded, cut: Collection[PartName]) -> tuple[dict[PartName, Split], list[str]]:
    """The parts, of which those in `cut` were cut from train, without copies of what was cut; sentences on all copies.

    The test part is never changed, and no class loses its last image. Images are the same when all their pixels are.
    """
    hashes = {part: _hashes(split.images) for part, split in loaded.splits.items()}
    kept = {part: np.ones(len(split), dtype=bool) for part, split in loaded.splits.items()}
    notes = []
    for position, part in enumerate(KEPT_FIRST):
        for other in KEPT_FIRST[:position]:
            both = kept[part] & np.isin(hashes[part], hashes[other][kept[other]])
            if other in cut and part in (*cut, "train"):
                gone = both & _spare(loaded.kept[part].labels, kept[part], both)
                kept[part] &= ~gone
                both &= ~gone
                notes += _left_out(loaded, part, other, gone, hashes)
            notes += _seen_twice(loaded, part, other, both, hashes)
    notes += _in_two_classes(loaded, hashes)
    return {part: _chosen(split, kept[part]) for part, split in loaded.splits.items()}, notes


def _hashes(images: Tensor) -> NDArray[np.uint64]:
    """One for each image (N, C, H, W)."""
    rows = images.contiguous().numpy()
    digests = b"".join(hashlib.blake2b(row.data, digest_size=8).digest() for row in rows)
    return np.frombuffer(digests, dtype=np.uint64)


def _chosen(split: Split, kept: NDArray[np.bool_]) -> Split:
    if kept.all():
        return split
    chosen = torch.from_numpy(kept)
    return Split(split.images[chosen], split.labels[chosen])


def _spare(labels: Rows, kept: NDArray[np.bool_], both: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which images of `both` can go so that each class keeps one of those that are `kept`."""
    spare = np.ones(len(labels), dtype=bool)
    places = np.flatnonzero(kept)
    present, first = np.unique(labels[places], return_index=True)
    spare[places[first[~np.isin(present, labels[kept & ~both])]]] = False
    return spare


def _left_out(loaded: Loaded, part: PartName, other: PartName, gone: NDArray[np.bool_],
              hashes: dict[PartName, NDArray[np.uint64]]) -> list[str]:
    if not gone.any():
        return []
    return [f"{counted(int(gone.sum()), 'image')} left out of {part}, found among the {other} images too: "
            f"{_pair(loaded, part, other, gone, hashes)}"]


def _seen_twice(loaded: Loaded, part: PartName, other: PartName, both: NDArray[np.bool_],
                hashes: dict[PartName, NDArray[np.uint64]]) -> list[str]:
    if not both.any():
        return []
    count = int(np.isin(hashes[other], hashes[part][both]).sum())
    return [f"{count:,} of {counted(len(hashes[other]), f'{other} image')} found in {part} too, where accuracy says "
            f"nothing of new images: {_pair(loaded, part, other, both, hashes)}"]


def _pair(loaded: Loaded, part: PartName, other: PartName, both: NDArray[np.bool_],
          hashes: dict[PartName, NDArray[np.uint64]]) -> str:
    """The first of `both` and its copy."""
    here = int(np.flatnonzero(both)[0])
    there = int(np.flatnonzero(hashes[other] == hashes[part][here])[0])
    return f"{loaded.kept[part].name(here)} is the same as {loaded.kept[other].name(there)}"


def _in_two_classes(loaded: Loaded, hashes: dict[PartName, NDArray[np.uint64]]) -> list[str]:
    parts = list(hashes)
    every = np.concatenate([hashes[part] for part in parts])
    labels = np.concatenate([loaded.kept[part].labels for part in parts])
    order = np.lexsort((labels, every))
    apart = (every[order][1:] == every[order][:-1]) & (labels[order][1:] != labels[order][:-1])
    if not apart.any():
        return []
    names = []
    for place in order[np.flatnonzero(apart)[0]:][:2]:
        for part in parts:
            if place < len(hashes[part]):
                names.append(loaded.kept[part].name(int(place)))
                break
            place -= len(hashes[part])
    count = len(np.unique(every[order][1:][apart]))
    return [f"{counted(count, 'image')} found in two classes or more, where no network can be right: {names[0]} is the "
            f"same as {names[1]}"]
