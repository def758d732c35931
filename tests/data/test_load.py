"""The whole way from a `--data` value to a task."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from edgenas.data import DataWarning, load
from edgenas.errors import DataError, UsageError
from edgenas.flow.records import Data


def hashes(split) -> list[bytes]:
    return [image.numpy().tobytes() for image in split.images]


@pytest.mark.parametrize("with_test", [False, True])
def test_no_test_image_is_in_train_or_validation(folder, with_test):
    counts = {"cat": 20, "dog": 30}
    if with_test:
        folder(counts, "photos/train")
        root = folder({"cat": 6, "dog": 5}, "photos/test").parent
    else:
        root = folder(counts)
    task = load(str(root), seed=1)
    train, validation, test = hashes(task.train), hashes(task.validation), hashes(task.test)
    total = sum(counts.values()) + (11 if with_test else 0)
    assert len(set(train + validation + test)) == len(train + validation + test) == total
    if with_test:
        assert len(test) == 11


def test_labels_stay_with_their_images(tmp_path):
    images = (4 * np.arange(60, dtype=np.uint8)).reshape(-1, 1, 1).repeat(5, 1).repeat(5, 2)
    np.savez(tmp_path / "d.npz", images=images, labels=np.array(["low", "mid", "top"])[np.arange(60) // 20])
    task = load(str(tmp_path / "d.npz"))
    for split in (task.train, task.validation, task.test):
        assert torch.equal(split.images[:, 0, 0, 0] // 80, split.labels)
    assert task.classes == ("low", "mid", "top")
    assert task.name == "d"


def test_mean_and_std_are_of_train_only(tmp_path, rng):
    train = rng.integers(0, 100, (40, 6, 6), dtype=np.uint8)
    np.savez(tmp_path / "d.npz", x_train=train, y_train=np.arange(40) % 2,
             x_test=rng.integers(200, 256, (10, 6, 6), dtype=np.uint8), y_test=np.arange(10) % 2)
    task = load(str(tmp_path / "d.npz"))
    given = task.train.images.numpy() / 255
    assert task.mean == (pytest.approx(given.mean(), abs=1e-6),)
    assert task.std == (pytest.approx(given.std(), abs=1e-6),)
    assert task.mean[0] < 0.25


def test_the_seed_decides_the_split_and_the_fingerprint():
    first, again, other = load("digits", seed=1), load("digits", seed=1), load("digits", seed=2)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert torch.equal(first.test.images, again.test.images)
    assert first.seed == 1


def test_digits_in_full():
    task = load("digits")
    record = json.loads(json.dumps(Data.of(task).to_json()))
    assert record["sizes"] == {"train": 1258, "validation": 269, "test": 270}
    assert record["classes"] == list("0123456789")
    assert all(26 <= count <= 28 for count in record["per_class"]["test"].values())
    assert task.train.images.dtype == torch.uint8
    assert task.train.labels.dtype == torch.int64


def test_max_images_and_image_size():
    whole, few = load("digits"), load("digits", max_images=100, image_size=12)
    assert few.input_shape == (1, 12, 12)
    assert len(few.train) + len(few.validation) == 100
    assert len(few.test) == len(whole.test)


def test_a_text_file_named_jpg(folder):
    root = folder({"cat": 12, "dog": 12})
    (root / "cat" / "fake.jpg").write_text("this is text")
    with pytest.raises(DataError, match=r"1 of 25 images cannot be read: cat/fake\.jpg") as caught:
        load(str(root))
    assert "--on-bad-image skip" in caught.value.hint
    with pytest.warns(DataWarning, match=r"^1 image left out, which cannot be read: cat/fake\.jpg \(text, no image\)$"):
        task = load(str(root), on_bad_image="skip")
    assert task.skipped == ("cat/fake.jpg",)
    assert Data.of(task).skipped == ("cat/fake.jpg",)
    assert len(task.train) + len(task.validation) + len(task.test) == 24


def test_a_truncated_image(folder):
    root = folder({"cat": 8, "dog": 8}, size=(40, 40), suffix=".jpg")
    whole = (root / "dog" / "3.jpg").read_bytes()
    (root / "dog" / "3.jpg").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(DataError, match=r"1 of 16 images cannot be read: dog/3\.jpg"):
        load(str(root))


def test_a_class_without_a_readable_image_cannot_be_skipped(folder):
    root = folder({"cat": 12, "dog": 12})
    for file in (root / "dog").iterdir():
        file.write_bytes(b"")
    with pytest.raises(DataError, match="class 'dog' has no readable image left"):
        load(str(root), on_bad_image="skip")


def test_values_that_are_not_understood():
    with pytest.raises(UsageError, match="'ignore' is no known --on-bad-image"):
        load("digits", on_bad_image="ignore")
    for seed in (-1, 2**32):
        with pytest.raises(UsageError, match=f"--seed {seed} is not from 0 to 4294967295"):
            load("digits", seed=seed)


@pytest.mark.parametrize("size", [0, 3, -5, 5000])
def test_image_sizes_out_of_range(size):
    with pytest.raises(UsageError, match=f"--image-size {size} is not from 4 to 4096"):
        load("digits", image_size=size)
