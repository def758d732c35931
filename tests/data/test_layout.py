"""What folders are taken for: parts, classes, or neither. Only names and places count here, so the files are empty."""

from __future__ import annotations

import os

import pytest

from edgenas.data.layout import understood
from edgenas.data.names import is_plain, kind_of
from edgenas.data.tree import holds, scan
from edgenas.errors import DataError


@pytest.fixture
def tree(tmp_path):
    """Make `a/b/cat` hold one image for each path given; gives the folder."""

    def make(*paths):
        for path in paths:
            folder = tmp_path / "photos" / path
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "1.png").touch()
        return str(tmp_path / "photos")

    return make


def below(*parts, classes=("cat", "dog")):
    return [f"{part}/{label}" for part in parts for label in classes]


def found(source):
    layout = understood(source, scan(source)[0])
    return {part: sorted({label for label, _ in files}) for part, files in layout.parts.items()}, layout.notes


def files(source, part="train"):
    return [path for _, path in understood(source, scan(source)[0]).parts[part]]


@pytest.mark.parametrize(("folders", "parts"), [
    (("training_set", "test_set"), {"train", "test"}), (("seg_train", "seg_test"), {"train", "test"}),
    (("train", "eval"), {"train", "test"}), (("train", "holdout"), {"train", "test"}),
    (("train", "hold-out"), {"train", "test"}), (("Training Data", "Held_Out"), {"train", "test"}),
    (("TrainSet", "ValSet", "TestSet"), {"train", "validation", "test"}),
    (("train2017", "val2017"), {"train", "validation"}), (("train", "eval", "test"), {"train", "validation", "test"}),
    (("asl_alphabet_train", "asl_alphabet_test"), {"train", "test"}), (("train", "unlabeled"), {"train"}),
    (("train", "predictions"), {"train"}),
])
def test_parts_by_other_names_are_parts_and_it_is_said(tree, folders, parts):
    named, notes = found(tree(*below(*folders)))
    assert named == {part: ["cat", "dog"] for part in parts}
    assert len(notes) == 1


def test_plain_parts_need_no_word(tree):
    assert found(tree(*below("train", "val", "test")))[1] == []


def test_images_to_predict_are_left_out_and_named(tree):
    parts, notes = found(tree(*below("train"), "pred"))
    assert list(parts) == ["train"]
    assert notes[0].endswith("1 folder left out, being none of train, validation, test: pred")


@pytest.mark.parametrize("classes", [
    ("train", "bus"), ("train_station", "test_tube"), ("valid", "invalid"), ("train/steam", "train/electric", "bus"),
    ("trainers", "boots"),
])
def test_classes_that_are_called_like_parts(tree, classes):
    parts, notes = found(tree(*classes))
    assert parts == {"train": sorted({name.split("/")[0] for name in classes})}
    assert notes == []


@pytest.mark.parametrize(("paths", "message"), [
    (("training_set", "test_set"), "these look like parts of the data, but there is no train folder with"),
    (("my_train", "my_test"), "these look like parts"), (below("val_set", "test_set"), "these look like parts"),
    (below("train", "site_b"), "train and site_b: these look like parts, as both hold cat, dog"),
    ((*below("train"), "test"), "photos/test has 1 file but no class folders"),
    (("train", "test"), "photos/train has 1 file but no class folders|photos/test has 1 file but no"),
    ((*below("train", "test"), "notes"), "has the folders test, train beside others: notes"),
    (below("train", "train_set"), "two train folders"), (("images", "labels"), "pictures and their annotations"),
    (("cats/2023", "cats/2024"), "has one folder only, cats, which holds 2023, 2024"),
    (("cat",), r"has one class only \(cat\)"),
    (("cat/train", "cat/test", "dog"), "cat has the folders test, train, which look like parts, and .*dog has others"),
])
def test_refused_with_the_true_cause(tree, paths, message):
    with pytest.raises(DataError, match=message) as caught:
        found(tree(*paths))
    assert caught.value.hint


def test_one_class_beside_images_of_none(tree):
    with pytest.raises(DataError, match=r"one class only \(cat\), .*; 1 image right in .*photos, in no class folder"):
        found(tree("cat", "."))


@pytest.mark.parametrize("wrapper", ["images", "photos", "dataset", "data/images"])
def test_a_folder_around_the_classes_is_passed_and_said(tree, wrapper):
    parts, notes = found(tree(*below(wrapper)))
    assert parts == {"train": ["cat", "dog"]}
    assert all("the one folder there" in note for note in notes) and len(notes) == wrapper.count("/") + 1


def test_a_folder_around_the_parts_is_passed_too(tree):
    parts, _ = found(tree(*below("v7/train/images", "v7/test/images")))
    assert parts == {"train": ["cat", "dog"], "test": ["cat", "dog"]}


def test_parts_inside_of_classes(tree):
    assert found(tree("cat/train", "cat/test", "dog/train", "dog/test"))[0] == {
        "train": ["cat", "dog"], "test": ["cat", "dog"]}


def test_groups_without_a_common_name_are_said(tree):
    parts, notes = found(tree(*below("site_a", "site_b")))
    assert parts == {"train": ["site_a", "site_b"]}
    assert "the classes are site_a, site_b, each of which holds the folders cat, dog" in notes[0]


def test_images_in_no_class_are_counted(tree):
    assert "1 image right in" in found(tree("cat", "dog", "."))[1][0]


def test_names():
    assert [kind_of(name) for name in ("x_train", "TestData", "train_val", "trainer", "eval", "unlabeled_train")] == [
        "train", "test", None, None, "evaluation", "unlabelled"]
    assert is_plain("train_images_2") and not is_plain("train_station") and not is_plain("images")


def test_links_are_followed_but_never_round(tree, tmp_path):
    source = tree("cat", "dog", "cat/june", "../elsewhere")
    (tmp_path / "photos/cat/more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/deep").mkdir()
    (tmp_path / "photos/cat/round").symlink_to(tmp_path / "photos")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "elsewhere")
    assert files(source) == ["cat/1.png", "cat/june/1.png", "cat/more/1.png", "dog/1.png"]
    assert scan(source)[1] == ["2 links not followed, which would lead back to where it began: cat/round"]


def test_links_that_branch_without_end_are_walked_once(tree, tmp_path):
    for level in range(24):
        (tmp_path / "bomb" / str(level)).mkdir(parents=True)
        for name in "ab":
            (tmp_path / "bomb" / str(level) / name).symlink_to(tmp_path / "bomb" / str(level + 1))
    (tmp_path / "bomb/24").mkdir()
    (tmp_path / "bomb/24/1.png").touch()
    source = tree("cat", "dog")
    (tmp_path / "photos/cat/x").symlink_to(tmp_path / "bomb/0")
    assert len(files(source)) == 3  # of 2^24 ways to it, one


def test_a_link_to_nowhere_in_place_of_a_class_is_named(tree, tmp_path):
    source = tree("cat", "dog")
    (tmp_path / "photos/fox").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match="1 link in .*photos to nowhere: fox"):
        found(source)


def test_a_folder_that_cannot_be_read_is_named(tree, monkeypatch):
    source = tree("cat", "dog/private", "dog/secret")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith(("private", "secret")):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(DataError, match=r"2 folders of .*photos cannot be read: dog/private \(Permission denied\), "):
        scan(source)


def test_what_systems_leave_is_no_class(tree):
    assert found(tree("cat", "dog", "__MACOSX", ".git", "@eaDir"))[0] == {"train": ["cat", "dog"]}


def test_which_folders_hold_parquet_files(tree, tmp_path):
    source = tree("cat", "dog")
    (tmp_path / "photos/cat/list.parquet").touch()
    assert holds(source) == "images"
    (tmp_path / "hub/data").mkdir(parents=True)
    (tmp_path / "hub/data/train.parquet").touch()
    assert holds(str(tmp_path / "hub")) == "parquet"
