from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgenas.data.raw import RawData, by_class
from edgenas.data.split import divide
from edgenas.errors import DataError, UsageError


def numbered(first: int, counts) -> tuple[torch.Tensor, np.ndarray]:
    """Images whose pixels are their own number, classes in a row."""
    total = sum(counts)
    images = torch.arange(first, first + total).view(-1, 1, 1, 1)
    return images, np.repeat(np.arange(len(counts)), counts)


def source(counts, **others) -> RawData:
    parts = {"train": numbered(0, counts)}
    for offset, (name, other) in enumerate(others.items(), 1):
        parts[name] = numbered(100_000 * offset, other)
    return by_class("d", parts)


def divided(raw, seed=0, validation_share=0.15, test_share=0.15, max_images=None):
    parts = divide(raw, seed=seed, validation_share=validation_share, test_share=test_share,
                   max_images=max_images)
    return {name: (part.images.flatten().tolist(), part.labels.tolist()) for name, part in parts.items()}


@settings(deadline=None, max_examples=60)
@given(counts=st.lists(st.integers(3, 60), min_size=2, max_size=8), seed=st.integers(0, 2**32 - 1),
       share=st.floats(0.05, 0.4))
@example(counts=[3, 3, 3, 8], seed=0, share=0.375)
@example(counts=[3, 3, 3], seed=0, share=0.390625)
def test_every_image_is_in_one_part_and_each_class_in_proportion(counts, seed, share):
    parts = divided(source(counts), seed, share, share)
    everything = [image for images, _ in parts.values() for image in images]
    assert sorted(everything) == list(range(sum(counts)))
    labels = np.repeat(np.arange(len(counts)), counts)
    for images, given_labels in parts.values():
        assert given_labels == labels[images].tolist()
        ideal = np.array(counts) * len(images) / sum(counts)
        # Two cuts, each exact to less than one image.
        assert (np.abs(np.bincount(given_labels, minlength=len(counts)) - ideal) < 2).all()
    assert set(parts["train"][1]) == set(range(len(counts)))


def sizes(parts) -> dict[str, int]:
    return {name: len(labels) for name, (_, labels) in parts.items()}


def test_the_shares_are_of_the_whole_source():
    parts = divided(source([100, 300]))
    assert sizes(parts) == {"train": 280, "validation": 60, "test": 60}
    assert np.bincount(parts["test"][1]).tolist() == [15, 45]


def test_parts_of_the_source_are_kept_as_they_are():
    parts = divided(source([40, 40], test=[5, 6], validation=[3, 4]))
    assert parts["test"][0] == list(range(100_000, 100_011))
    assert parts["validation"][0] == list(range(200_000, 200_007))
    assert parts["train"][0] == list(range(80))


def test_a_missing_part_is_cut_from_train_only():
    parts = divided(source([40, 40], test=[5, 5]))
    assert parts["test"][0] == list(range(100_000, 100_010))
    assert (len(parts["train"][0]), len(parts["validation"][0])) == (68, 12)
    assert max(parts["train"][0] + parts["validation"][0]) < 80


def test_the_seed_alone_decides():
    raw = source([30, 30, 30])
    assert divided(raw, seed=3) == divided(raw, seed=3)
    assert divided(raw, seed=3) != divided(raw, seed=4)


@pytest.mark.parametrize("most", [8, 37, 100, 169])
def test_max_images_reduces_all_but_the_test_part(most):
    raw = source([100, 100])
    whole, few = divided(raw), divided(raw, max_images=most)
    assert few["test"] == whole["test"]
    kept = len(few["train"][0]) + len(few["validation"][0])
    assert most - 1 <= kept <= most
    assert abs(few["train"][1].count(0) - few["train"][1].count(1)) <= 1
    assert not set(few["train"][0]) & set(few["validation"][0] + few["test"][0])


def test_max_images_reduces_the_sources_own_validation_part_too():
    parts = divided(source([50, 50], validation=[30, 30], test=[40, 40]), max_images=20)
    assert sizes(parts) == {"train": 20, "validation": 20, "test": 80}


@pytest.mark.parametrize(("raw", "message"), [
    (source([9, 2]), "class '1' has 2 images, too few to divide into train and validation and test"),
    (source([9, 1], test=[1, 1]), "class '1' has 1 images, too few to divide into train and validation"),
])
def test_a_class_too_small_to_divide(raw, message):
    with pytest.raises(DataError, match=message):
        divided(raw)


def test_a_class_of_three_is_enough():
    parts = divided(source([3, 3]))
    assert [len(labels) for _, labels in parts.values()] == [2, 2, 2]


def test_max_images_that_leaves_a_class_too_small():
    with pytest.raises(DataError, match="too few to divide") as caught:
        divided(source([100, 10]), max_images=6)
    assert "larger --max-images" in caught.value.hint
    with pytest.raises(UsageError, match="--max-images 1 is less than one image for each of the 2 classes"):
        divided(source([100, 10]), max_images=1)


@pytest.mark.parametrize(("validation", "test"), [
    (0, 0.1), (0.1, 0), (-0.1, 0.2), (0.5, 0.5), (float("nan"), 0.1), (0.1, float("nan")),
])
def test_shares_out_of_range(validation, test):
    with pytest.raises(UsageError, match="must be above 0 and less than 1 together"):
        divided(source([9, 9]), validation_share=validation, test_share=test)
