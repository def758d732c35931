from __future__ import annotations

import numpy as np
import pytest

from edgenas.data import DataWarning, load
from edgenas.flow.records import Data


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "d.npz", **arrays)
    return str(tmp_path / "d.npz")


def notes(source, **options):
    with pytest.warns(DataWarning):
        task = load(source, **options)
    return task, task.notes


@pytest.fixture(autouse=True)
def _all_are_shown(recwarn):
    """One load warns of several things, of which `pytest.warns` hands on those that are not its own."""


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (40, 6, 6), dtype=np.uint8)


LABELS = np.arange(40) % 2


def test_test_images_that_train_has_are_counted_and_named(tmp_path, images):
    task, said = notes(saved(tmp_path, x_train=images, y_train=LABELS, x_val=images[:1] ^ 1, y_val=LABELS[:1],
                             x_test=np.concatenate([images[7:10], images[:5] ^ 2]),
                             y_test=[*LABELS[7:10], *LABELS[:5]]))
    assert said == ("3 of 8 test images found in train too, where accuracy says nothing of new images: train image 7 "
                    "is the same as test image 0",)
    assert len(task.train) == 40  # the source's own parts stay as they are
    assert list(Data.of(task).notes) == list(said)


def test_an_image_in_two_classes_is_counted_and_named(tmp_path, images):
    parts = {"x_train": np.concatenate([images, images[:2]]), "y_train": [*LABELS, 1, 1],
             "x_val": images[:2] ^ 1, "y_val": [0, 1], "x_test": images[:2] ^ 2, "y_test": [0, 1]}
    assert notes(saved(tmp_path, **parts))[1] == (
        "1 image found in two classes or more, where no network can be right: train image 0 is the same as train "
        "image 40",)


@pytest.mark.parametrize("seed", range(3))
def test_copies_never_come_on_both_sides_of_a_cut(tmp_path, images, seed):
    source = saved(tmp_path, images=np.concatenate([images, images[:20]]), labels=[*LABELS, *LABELS[:20]])
    task, said = notes(source, seed=seed)
    parts = [{image.numpy().tobytes() for image in split.images} for split in (task.train, task.validation, task.test)]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
    assert len(set.union(*parts)) == 40 and len(task.test) == 9
    assert any("left out of train, found among the test images too: train image" in note for note in said)


def test_a_class_keeps_its_last_image(tmp_path, images):
    source = saved(tmp_path, images=np.concatenate([images[:20], images[:1].repeat(10, 0)]), labels=[0] * 20 + [1] * 10)
    task, said = notes(source)
    assert task.train.labels.tolist().count(1) == 1
    assert any("found in two classes" in note for note in said)


def test_data_without_copies_says_nothing(tmp_path, images):
    assert load(saved(tmp_path, images=images, labels=LABELS)).notes == ()
