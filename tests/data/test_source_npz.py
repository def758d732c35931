from __future__ import annotations

import numpy as np
import pytest

from edgenas.data import source_npz
from edgenas.errors import DataError

IMAGES = np.arange(4 * 30, dtype=np.uint8).reshape(4, 5, 6)
LABELS = np.array([0, 1, 0, 1])


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "d.npz", **arrays)
    return str(tmp_path / "d.npz")


def test_images_and_labels(tmp_path):
    raw = source_npz.read(saved(tmp_path, images=IMAGES, labels=LABELS))
    assert list(raw.parts) == ["train"]
    np.testing.assert_array_equal(raw.parts["train"].images[:, 0], IMAGES)
    assert raw.parts["train"].labels.tolist() == [0, 1, 0, 1]


def test_train_and_test(tmp_path):
    raw = source_npz.read(saved(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=[[1]]))
    assert list(raw.parts) == ["train", "test"]
    assert raw.parts["test"].labels.tolist() == [1]


def test_train_alone(tmp_path):
    assert list(source_npz.read(saved(tmp_path, x_train=IMAGES, y_train=LABELS)).parts) == ["train"]


@pytest.mark.parametrize(("arrays", "message"), [
    ({"images": IMAGES}, "holds the arrays images, but not images and labels"),
    ({}, "holds the arrays none"),
    ({"images": IMAGES, "labels": LABELS[:3]}, "4 images but 3 labels"),
    ({"images": IMAGES / np.nan, "labels": LABELS}, r"images in .*d\.npz holds NaN"),
    ({"images": IMAGES.astype(float), "labels": LABELS}, "float64 values from 0 to 119"),
    ({"images": IMAGES, "labels": LABELS * 0}, "one class only"),
    ({"images": IMAGES[:, :3, :3], "labels": LABELS}, "at least 4×4"),
    ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1}, "train part lacks: 2"),
])
def test_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message) as caught:
        source_npz.read(saved(tmp_path, **arrays))
    assert caught.value.hint


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "d.npz", images=trap, labels=trap)
    with pytest.raises(DataError, match="cannot be read as an .npz file of plain arrays"):
        source_npz.read(str(tmp_path / "d.npz"))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file(tmp_path, keep):
    path = tmp_path / "d.npz"
    saved(tmp_path, images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(DataError, match="cannot be read as an .npz file"):
        source_npz.read(str(path))


def test_a_single_array_named_npz(tmp_path):
    with open(tmp_path / "d.npz", "wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match="cannot be read as an .npz file"):
        source_npz.read(str(tmp_path / "d.npz"))


def test_missing(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        source_npz.read(str(tmp_path / "gone.npz"))
