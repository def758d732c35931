from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

from edgenas.data import load
from edgenas.data.sources import folder as source_folder
from edgenas.errors import DataError


def names(raw, part="train"):
    images = raw.parts[part].images
    return [name for name, _ in images.read(images.rows)]


def test_each_sub_folder_is_a_class(folder):
    raw = source_folder.read(str(folder({"dog": 2, "cat": 1})))
    assert raw.name == "photos"
    assert raw.classes == ("cat", "dog")
    assert names(raw) == ["cat/0.png", "dog/0.png", "dog/1.png"]
    assert raw.parts["train"].labels.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("train", "validation", "test"), [
    ("train", "val", "test"), ("Train", "validation", "Test"), ("training", "valid", "testing"),
])
def test_train_validation_and_test_folders(folder, train, validation, test):
    root = folder({"a": 3, "b": 3}, f"photos/{train}").parent
    folder({"a": 1, "b": 2}, f"photos/{validation}")
    folder({"b": 2}, f"photos/{test}")
    raw = source_folder.read(str(root))
    assert {part: raw.parts[part].labels.tolist() for part in raw.parts} == {
        "train": [0, 0, 0, 1, 1, 1], "validation": [0, 1, 1], "test": [1, 1]}


def test_a_class_may_be_called_train(folder):
    assert source_folder.read(str(folder({"bus": 2, "train": 2}))).classes == ("bus", "train")


def test_what_is_no_image_by_intention_is_left(folder):
    root = folder({"a": 2, "b": 2})
    (root / "README.txt").write_text("about")
    (root / ".git" / "x").mkdir(parents=True)
    (root / "a" / ".hidden.png").write_text("x")
    (root / "a" / "Thumbs.db").write_text("x")
    (root / "a" / ".cache").mkdir()
    (root / "a" / ".cache" / "x.png").write_text("x")
    assert names(source_folder.read(str(root))) == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]


def test_images_at_any_depth_belong_to_the_class(folder):
    root = folder({"a": 1, "a/deep/er": 1, "b": 1})
    assert names(source_folder.read(str(root))) == ["a/0.png", "a/deep/er/0.png", "b/0.png"]


def test_pixels_arrive_exactly(folder):
    root = folder({"a": 5, "b": 5}, size=(9, 7))
    task = load(str(root))
    splits = (task.train, task.validation, task.test)
    found = {image.numpy().tobytes() for split in splits for image in split.images}
    expected = {np.asarray(Image.open(file)).transpose(2, 0, 1).tobytes() for file in root.rglob("*.png")}
    assert found == expected
    assert task.input_shape == (3, 7, 9)


def test_grey_folders_stay_grey(folder):
    assert load(str(folder({"a": 4, "b": 4}, mode="L"))).input_shape == (1, 10, 12)


def test_images_of_several_sizes(folder):
    folder({"a": 4}, size=(12, 10))
    root = folder({"b": 4}, size=(20, 30))
    with pytest.raises(DataError, match="the images differ in size") as caught:
        load(str(root))
    assert "--image-size 10" in caught.value.hint
    assert load(str(root), image_size=16).input_shape == (3, 16, 16)


def test_a_file_that_may_not_be_read_is_named(folder):
    root = folder({"a": 4, "b": 4})
    os.unlink(root / "a" / "2.png")
    os.symlink(root / "gone.png", root / "a" / "2.png")
    with pytest.raises(DataError, match=r"1 of 8 images cannot be read: a/2\.png"):
        load(str(root))


def test_refused(tmp_path, folder):
    def refused(root, message):
        with pytest.raises(DataError, match=message) as caught:
            source_folder.read(str(root))
        assert caught.value.hint

    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "empty has no sub-folders")
    (tmp_path / "flat").mkdir()
    Image.new("L", (5, 5)).save(tmp_path / "flat" / "a.png")
    refused(tmp_path / "flat", "flat has no sub-folders")
    refused(folder({"cat": 3}, "one"), r"one has one class only \(cat\)")
    (folder({"cat": 3}, "hollow") / "dog").mkdir()
    refused(tmp_path / "hollow", "the class folder .*dog is empty")
    folder({"a": 1, "b": 1}, "extra/train")
    refused(folder({"a": 1, "c": 1}, "extra/test").parent, "the test part of extra has classes .* lacks: c$")
    folder({"a": 1, "b": 1}, "two/train")
    folder({"a": 1}, "two/val")
    refused(folder({"a": 1}, "two/valid").parent, "two has two validation folders: val and valid")
    folder({"a": 1}, "mixed/train")
    folder({"a": 1}, "mixed/test")
    refused(folder({"a": 1}, "mixed/notes").parent, "has the folders test, train beside others: notes")
    refused(folder({"a": 1, "b": 1}, "lone/test").parent, "lone has no train part, only test")
    (tmp_path / "bare" / "train").mkdir(parents=True)
    refused(tmp_path / "bare", "the train part of bare has no images")
