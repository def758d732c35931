from __future__ import annotations

import pytest
import torch

from edgenas.data import Split
from edgenas.data.batches import batches
from edgenas.errors import UsageError


@pytest.fixture
def split() -> Split:
    return Split(torch.arange(10, dtype=torch.uint8).view(-1, 1, 1, 1), torch.arange(10))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labels(found) -> list[list[int]]:
    return [given.tolist() for _, given in found]


def test_in_order_without_a_generator(split):
    assert labels(batches(split, 4, None)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert labels(batches(split, 4, None, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert labels(batches(split, 5, None, drop_last=True)) == labels(batches(split, 5, None))


def test_shuffled_once_each_with_images_and_labels_together(split):
    found = list(batches(split, 3, seeded(0)))
    assert sorted(sum(labels(found), [])) == list(range(10))
    assert all((images.flatten() == given).all() for images, given in found)
    assert [images.dtype for images, _ in found] == [torch.uint8] * 4


def test_the_generator_alone_decides_the_order(split):
    torch.manual_seed(1)
    first = labels(batches(split, 3, seeded(5)))
    torch.manual_seed(2)
    assert labels(batches(split, 3, seeded(5))) == first
    assert labels(batches(split, 3, seeded(6))) != first
    generator = seeded(5)
    assert labels(batches(split, 3, generator)) != labels(batches(split, 3, generator))


def test_a_batch_needs_a_size(split):
    with pytest.raises(UsageError, match="a batch of 0 images"):
        batches(split, 0, None)
