from __future__ import annotations

import numpy as np
import pytest
import torch

from edgenas.data.raw import Encoded, by_class
from edgenas.errors import DataError


def images(count: int) -> torch.Tensor:
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)


def test_strings_are_sorted_and_numbers_are_sorted_as_numbers():
    words = by_class("d", {"train": (images(3), ["dog", "cat", "dog"])})
    assert words.classes == ("cat", "dog")
    assert words.parts["train"].labels.tolist() == [1, 0, 1]
    numbers = by_class("d", {"train": (images(3), [10, 9, 10])})
    assert numbers.classes == ("9", "10")


def test_names_keep_their_order_and_unused_ones_are_dropped():
    parts = {"train": (images(3), [3, 0, 3]), "test": (images(1), [3])}
    raw = by_class("d", parts, ["z", "unused", "b", "a"])
    assert raw.classes == ("z", "a")
    assert raw.parts["train"].labels.tolist() == [1, 0, 1]
    assert raw.parts["test"].labels.tolist() == [1]


def test_a_column_of_labels_is_flattened():
    raw = by_class("d", {"train": (images(2), np.array([[1], [0]], dtype=np.uint8))})
    assert raw.parts["train"].labels.tolist() == [1, 0]


def test_take_selects_images_and_labels_alike():
    part = by_class("d", {"train": (images(4), [0, 1, 0, 1])}).parts["train"].take(np.array([3, 0]))
    assert part.images[:, 0, 0, 0].tolist() == [3, 0]
    assert part.labels.tolist() == [1, 0]


def test_taking_of_encoded_images_twice_reads_the_right_rows():
    encoded = Encoded(np.arange(5), lambda rows: ((str(row), None) for row in rows))
    chosen = encoded[np.array([4, 2, 0])][np.array([1, 0])]
    assert [name for name, _ in chosen.read(chosen.rows)] == ["2", "4"]


@pytest.mark.parametrize(("parts", "names", "message"), [
    ({"test": (images(2), [0, 1])}, None, "no train part, only test"),
    ({"train": (images(0), [])}, None, "the train part of d has no images"),
    ({"train": (images(3), [0, 1])}, None, "3 images but 2 labels"),
    ({"train": (images(2), [1, 1])}, None, r"one class only \(1\)"),
    ({"train": (images(2), [0.5, 1.0])}, None, "type float64"),
    ({"train": (images(2), [0, None])}, None, "has 1 image without a label; the first is number 1"),
    ({"train": (images(2), [0, 2 ** 64])}, None, "type object"),
    ({"train": (images(2), np.array([0, 2 ** 63 + 5], np.uint64))}, None, "the label 9223372036854775813, and"),
    ({"train": (images(3), [-1, 0, 1])}, None, r"d has 1 label below 0 \(-1\)"),
    ({"train": (images(2), [float("nan"), 1.0])}, None, "type float64"),
    ({"train": (images(2), ["a" * 201, "b"])}, None, "a label of 201 characters, and 200 is the most"),
    ({"train": (images(2), np.array(["a" * 201, "b"]))}, None, "a label of 201 characters, and 200 is the most"),
    ({"train": (images(2), [0, 1])}, ["a", ""], "1 class name that are not of 1 to 200 characters: ''"),
    ({"train": (images(2), [0, 1])}, ["a\n", "a\\n"], "two classes that are both written"),
    ({"train": (images(2), [[0], [1, 2]])}, None, "type object"),
    ({"train": (images(2), [[0, 1], [1, 0]])}, None, r"shape \(2, 2\)"),
    ({"train": (images(2), [-1, 0])}, ["a", "b"], "labels from -1 to 0 for 2 classes"),
    ({"train": (images(2), [0, 2])}, ["a", "b"], "labels from 0 to 2 for 2 classes"),
    ({"train": (images(2), ["a", "b"]), "test": (images(2), ["b", "c"])}, None, "the test part .* lacks: c$"),
    ({"train": (images(2), [0, 1]), "validation": (images(1), ["0"])}, None, "validation part .* lacks: 0$"),
    ({"train": (images(2), [0, 1]), "test": (images(9), range(9))}, None, "lacks: 2, 3, 4, 5, 6, …$"),
])
def test_refused(parts, names, message):
    with pytest.raises(DataError, match=message) as caught:
        by_class("d", parts, names)
    assert caught.value.hint
