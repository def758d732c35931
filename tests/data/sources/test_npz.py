from __future__ import annotations

import os
import zipfile
from io import BytesIO

import numpy as np
import pytest

from edgenas.data.sources import npz
from edgenas.errors import DataError

IMAGES = np.arange(4 * 30, dtype=np.uint8).reshape(4, 5, 6)
LABELS = np.array([0, 1, 0, 1])


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "d.npz", **arrays)
    return str(tmp_path / "d.npz")


def test_images_and_labels(tmp_path):
    raw = npz.read(saved(tmp_path, images=IMAGES, labels=LABELS))
    assert list(raw.parts) == ["train"]
    np.testing.assert_array_equal(raw.parts["train"].images[:, 0], IMAGES)
    assert raw.parts["train"].labels.tolist() == [0, 1, 0, 1]


def test_train_and_test(tmp_path):
    raw = npz.read(saved(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=[[1]]))
    assert list(raw.parts) == ["train", "test"]
    assert raw.parts["test"].labels.tolist() == [1]


def test_train_alone(tmp_path):
    assert list(npz.read(saved(tmp_path, x_train=IMAGES, y_train=LABELS)).parts) == ["train"]


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
        npz.read(saved(tmp_path, **arrays))
    assert caught.value.hint


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "d.npz", images=trap, labels=trap)
    with pytest.raises(DataError, match="cannot be read as an .npz file of plain arrays"):
        npz.read(str(tmp_path / "d.npz"))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file(tmp_path, keep):
    path = tmp_path / "d.npz"
    saved(tmp_path, images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(DataError, match="cannot be read as an .npz file"):
        npz.read(str(path))


def test_a_single_array_named_npz(tmp_path):
    with open(tmp_path / "d.npz", "wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(DataError, match="cannot be read as an .npz file"):
        npz.read(str(tmp_path / "d.npz"))


def test_missing(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        npz.read(str(tmp_path / "gone.npz"))


@pytest.mark.parametrize("names", [
    ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
    ("X_train", "Y_train", "X_valid", "Y_valid", "X_test", "Y_test"),
    ("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
    ("images", "labels", "dev_images", "dev_labels", "images_test", "labels_test"),
])
def test_a_validation_part_is_used_as_it_is(tmp_path, names):
    arrays = dict(zip(names, (IMAGES, LABELS, IMAGES[:2], LABELS[:2], IMAGES[3:], LABELS[3:]), strict=True))
    raw = npz.read(saved(tmp_path, **arrays))
    assert {name: len(part) for name, part in raw.parts.items()} == {"train": 4, "validation": 2, "test": 1}
    np.testing.assert_array_equal(raw.parts["validation"].images[:, 0], IMAGES[:2])
    assert raw.notes == ()


def test_what_is_not_used_is_named(tmp_path):
    raw = npz.read(saved(tmp_path, X=IMAGES, y=LABELS, mean=np.zeros(3)))
    assert raw.notes[0].endswith("d.npz: arrays left out: mean")


@pytest.mark.parametrize(("arrays", "message"), [
    ({"x_train": IMAGES, "y_train": LABELS, "x_val": IMAGES}, "x_val has no labels"),
    ({"images": IMAGES, "labels": LABELS, "x": IMAGES}, "images and x, which may both be the images"),
    ({"x_test": IMAGES, "y_test": LABELS}, "no train part, only test"),
    ({"x": IMAGES, "y": LABELS, "x_val": IMAGES, "y_val": LABELS, "x_dev": IMAGES, "y_dev": LABELS}, "may both be"),
])
def test_names_that_do_not_fit(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        npz.read(saved(tmp_path, **arrays))


def header(shape, dtype="|u1"):
    described = {"descr": dtype, "fortran_order": False, "shape": shape}
    text = shape if isinstance(shape, bytes) else repr(described).encode()
    return b"\x93NUMPY\x01\x00" + len(text + b"\n").to_bytes(2, "little") + text + b"\n"


def zipped(tmp_path, images):
    labels = BytesIO()
    np.save(labels, LABELS)
    with zipfile.ZipFile(tmp_path / "d.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", labels.getvalue())
    return tmp_path / "d.npz"


@pytest.mark.parametrize(("images", "message"), [
    (header((10**6, 1024, 1024)), r"images.npy in .* unpacks from \d+ bytes to 976.56 GiB, which images never do"),
    (header((10**900, 10**900)), r"more than 2\^70 bytes"), (header((60,), "<U100000000"), "22.35 GiB"),
    (header((10**18, 12, 12), "<U0"), "which images never do"), (header((-1, 12, 12)), r"has the shape \(-1, 12, 12\)"),
    (header((4, 5, 6)), "says it has 120 bytes and has"), (header(b"(" * 9000), "a damaged header"),
    (header((4,), "|O"), "objects are not read"), (header((4, 5, 6), [("a", "|u1")]), "objects are not read"),
    (b"\x93NUMPY\x09\x00", "an array of format 9.0"), (b"text", "cannot be read as an .npz file"),
])
def test_what_a_header_claims_is_looked_at_before_there_is_room_for_it(tmp_path, images, message):
    path = zipped(tmp_path, images)
    assert path.stat().st_size < 1000
    with pytest.raises(DataError, match=message):
        npz.read(str(path))


@pytest.mark.parametrize(("local", "central", "value", "message"), [
    (6, 8, 1, "is encrypted"), (8, 10, 99, "compression method is not supported"), (4, 6, 99, "zip file version"),
])
def test_zip_files_of_other_kinds(tmp_path, local, central, value, message):
    path = zipped(tmp_path, header((4, 5, 6)) + bytes(120))
    content = bytearray(path.read_bytes())
    content[local] = content[content.index(b"PK\x01\x02") + central] = value
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        npz.read(str(path))


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "d.npz")
    (tmp_path / "z.npz").symlink_to("/dev/zero")
    for name, kind in (("d.npz", "a pipe"), ("z.npz", "a device")):
        with pytest.raises(DataError, match=f"is {kind}, not a regular file"):
            npz.read(str(tmp_path / name))
    with pytest.raises(DataError, match="there is no file"):
        npz.read("x" * 5000 + ".npz")
