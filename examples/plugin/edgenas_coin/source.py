"""`--data stripes`: images with upright or level stripes, drawn anew from a seed."""

from __future__ import annotations

import numpy as np

from edgenas.data.arrays import as_images
from edgenas.data.raw import RawData, by_class
from edgenas.data.source import Source

FORM = "stripes"


def accepts(source: str) -> bool:
    return source == "stripes"


def read(source: str) -> RawData:
    rng, labels = np.random.default_rng(0), np.arange(200) % 2
    level = np.repeat((np.arange(12) // 2 % 2 * 195).astype(np.uint8)[:, None], 12, axis=1)
    images = np.stack([level if label else level.T for label in labels])
    noisy = images + rng.integers(0, 60, images.shape, dtype=np.uint8)
    return by_class(source, {"train": (as_images(noisy, "stripes"), labels)})


SOURCE = Source(FORM, accepts, read)
