from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from edgenas.data import Split, Task
from edgenas.flow.records import Data


def split(*labels: int) -> Split:
    images = torch.randint(0, 256, (len(labels), 3, 6, 5), generator=torch.Generator().manual_seed(0))
    return Split(images.to(torch.uint8), torch.tensor(labels))


@pytest.fixture
def task() -> Task:
    return Task("n", "./n", ("cat", "dog"), split(0, 0, 1), split(1), split(0, 1),
                (0.5, 0.4, 0.3), (0.2, 0.25, 0.1), 7, ("cat/x.png",), "f" * 64)


def test_shape_and_length(task):
    assert task.input_shape == (3, 6, 5)
    assert len(task.train) == 3


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalise_is_the_formula_and_keeps_the_layout(task, layout):
    images = task.train.images.contiguous(memory_format=layout)
    expected = (images.numpy() / 255 - np.reshape(task.mean, (3, 1, 1))) / np.reshape(task.std, (3, 1, 1))
    given = task.normalise(images)
    assert given.dtype == torch.float32
    assert given.is_contiguous(memory_format=layout)
    np.testing.assert_allclose(given.numpy(), expected, atol=1e-5)


def test_describe_is_json_and_counts_each_class_of_each_part(task):
    record = json.loads(json.dumps(Data.of(task).to_json(), allow_nan=False))
    assert record["per_class"] == {"train": {"cat": 2, "dog": 1}, "validation": {"cat": 0, "dog": 1},
                                   "test": {"cat": 1, "dog": 1}}
    assert record["sizes"] == {"train": 3, "validation": 1, "test": 2}
    assert record["input_shape"] == [3, 6, 5]
    assert (record["source"], record["seed"], record["skipped"]) == ("./n", 7, ["cat/x.png"])
