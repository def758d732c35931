from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from edgenas.data.sources import digits


def test_all_17_levels_are_spread_over_0_to_255():
    raw = digits.read("digits")
    images = raw.parts["train"].images.numpy()
    assert images.shape == (1797, 1, 8, 8)
    assert (images.min(), images.max(), len(np.unique(images))) == (0, 255, 17)
    assert raw.classes == tuple("0123456789")
    np.testing.assert_allclose(images[:, 0] / 255, load_digits().images / 16, atol=1 / 255)
    np.testing.assert_array_equal(raw.parts["train"].labels, load_digits().target)
