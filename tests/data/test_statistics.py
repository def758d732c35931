from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from edgenas.data import Split, load
from edgenas.data.statistics import fingerprint, mean_std


def test_mean_and_std_of_each_channel(rng):
    images = rng.integers(0, 256, (50, 3, 6, 7), dtype=np.uint8)
    images[:, 1] //= 4
    mean, std = mean_std(torch.from_numpy(images))
    np.testing.assert_allclose(mean, (images / 255).mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(std, (images / 255).std((0, 2, 3)), atol=1e-6)


def test_a_constant_channel_can_be_divided_by_its_std():
    mean, std = mean_std(torch.full((4, 1, 5, 5), 51, dtype=torch.uint8))
    assert mean == (pytest.approx(0.2),)
    assert std == (1 / 255,)


def parts(pixel=0, label=0):
    images = torch.zeros(3, 1, 4, 4, dtype=torch.uint8)
    images[2, 0, 3, 3] = pixel
    return {"train": Split(images, torch.tensor([0, 1, label]))}


def test_fingerprint_changes_with_any_image_label_class_or_part():
    prints = [fingerprint("ab", parts()), fingerprint("ac", parts()), fingerprint("ab", parts(pixel=1)),
              fingerprint("ab", parts(label=1)), fingerprint("ab", {"test": parts()["train"]})]
    assert len(set(prints)) == len(prints)
    assert all(len(given) == 64 for given in prints)


def test_fingerprint_is_of_the_values_not_of_their_layout():
    given = parts(pixel=5)["train"]
    images = given.images.expand(-1, 3, -1, -1)
    strided = given.labels.repeat_interleave(2)[::2]
    other = Split(images.contiguous(memory_format=torch.channels_last), strided)
    given = Split(images, given.labels)
    assert fingerprint("ab", {"train": other}) == fingerprint("ab", {"train": given})


def test_fingerprint_is_the_same_in_another_process():
    code = "from edgenas.data import load; print(load('digits', seed=3).fingerprint)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == load("digits", seed=3).fingerprint
