from __future__ import annotations

import numpy as np
import pytest
import torch

from edgenas.data.arrays import as_images, squared
from edgenas.errors import DataError


@pytest.mark.parametrize(("shape", "expected"), [
    ((2, 5, 6), (2, 1, 5, 6)), ((2, 5, 6, 1), (2, 1, 5, 6)), ((2, 5, 6, 3), (2, 3, 5, 6)),
    ((2, 1, 5, 6), (2, 1, 5, 6)), ((2, 3, 5, 6), (2, 3, 5, 6)),
])
def test_layouts(shape, expected, rng):
    array = rng.integers(0, 256, shape, dtype=np.uint8)
    images = as_images(array, "x")
    assert (tuple(images.shape), images.dtype) == (expected, torch.uint8)
    nhwc = array if shape[-1] in (1, 3) else array.reshape(expected).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(images.numpy().transpose(0, 2, 3, 1), nhwc.reshape(2, 5, 6, -1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_from_0_to_1_are_scaled(dtype):
    levels = np.arange(256).reshape(1, 16, 16)
    images = as_images((levels / 255).astype(dtype), "x")
    assert np.abs(images.numpy()[:, 0].astype(int) - levels).max() == 0


@pytest.mark.parametrize(("array", "message"), [
    (np.zeros((2, 5), np.uint8), r"x has the shape \(2, 5\)"),
    (np.zeros((2, 5, 6, 4), np.uint8), r"x has the shape \(2, 5, 6, 4\)"),
    (np.zeros((2, 3, 3), np.uint8), "at least 4×4"),
    (np.full((1, 5, 5), np.nan), "x holds NaN values"),
    (np.full((1, 5, 5), 255.0), "float64 values from 255 to 255"),
    (np.full((1, 5, 5), -0.5), "from -0.5 to -0.5"),
    (np.full((1, 5, 5), np.inf), "from inf to inf"),
    (np.full((1, 5, 5), 7, np.int64), "int64 values from 7 to 7"),
    (np.full((1, 5, 5), True), "type bool"),
    (np.full((1, 5, 5), "a"), "type <U1"),
])
def test_refused(array, message):
    with pytest.raises(DataError, match=message) as caught:
        as_images(array, "x")
    assert caught.value.hint


def test_one_nan_among_good_values_is_found():
    array = np.full((3, 5, 5), 0.5)
    array[1, 2, 3] = np.nan
    with pytest.raises(DataError, match="NaN"):
        as_images(array, "x")


def test_squared_takes_the_centre():
    images = torch.zeros(1, 1, 8, 16, dtype=torch.uint8)
    images[..., 4:12] = 200
    assert (squared(images, 4) == 200).all()
    assert squared(images, 4).shape == (1, 1, 4, 4)


def test_squared_leaves_images_of_that_size():
    images = torch.randint(0, 256, (2, 3, 8, 8)).to(torch.uint8)
    assert squared(images, 8) is images
