"""`digits`: the 1,797 digits of scikit-learn, 8×8 grey, their 17 levels spread over 0 to 255."""

from __future__ import annotations

import numpy as np
import torch

from edgenas.data.raw import RawData, by_class

FORM = "digits"


def accepts(source: str) -> bool:
    return source == FORM


def read(source: str) -> RawData:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.from_numpy(np.rint(digits.images * (255 / 16)).astype(np.uint8)).unsqueeze(1)
    return by_class(source, {"train": (images, digits.target)})
