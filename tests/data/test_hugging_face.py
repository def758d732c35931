from __future__ import annotations

from io import BytesIO

import datasets
import numpy as np
import pytest
from PIL import Image

from edgenas.data.hugging_face import from_datasets, reading
from edgenas.errors import DataError


def png(value: int) -> bytes:
    stream = BytesIO()
    Image.new("L", (5, 5), value).save(stream, "PNG")
    return stream.getvalue()


def table(image="image", label="label", kind=None, labels=(1, 0, 1, 0), **others):
    cells = [{"bytes": png(value), "path": None} for value in range(4)]
    columns = {image: cells, label: list(labels), **others}
    features = None
    if kind is not None:
        features = datasets.Features({image: datasets.Image(), label: kind,
                                      **{key: datasets.Value("int64") for key in others}})
    return datasets.Dataset.from_dict(columns, features)


def contents(raw, part="train"):
    images = raw.parts[part].images
    return list(images.read(images.rows))


def test_image_feature_and_class_names():
    raw = from_datasets("d", {"train": table(kind=datasets.ClassLabel(names=["zebra", "ant"]))})
    assert raw.classes == ("zebra", "ant")
    assert raw.parts["train"].labels.tolist() == [1, 0, 1, 0]
    assert contents(raw) == [(f"train row {row}", png(row)) for row in range(4)]


def test_struct_with_bytes_and_plain_integers():
    raw = from_datasets("d", {"train": table(labels=(10, 9, 10, 9))})
    assert raw.classes == ("9", "10")
    assert contents(raw)[3] == ("train row 3", png(3))


def test_binary_column_named_image():
    data = datasets.Dataset.from_dict({"img": [png(7), png(8)], "label": ["x", "y"]})
    raw = from_datasets("d", {"train": data})
    assert raw.classes == ("x", "y")
    assert contents(raw) == [("train row 0", png(7)), ("train row 1", png(8))]


def test_rows_are_read_in_the_order_asked_for():
    images = from_datasets("d", {"train": table()}).parts["train"].images
    chosen = images[np.array([2, 0, 3])]
    assert [content for _, content in chosen.read(chosen.rows)] == [png(2), png(0), png(3)]


def pathed(*cells):
    return {"train": datasets.Dataset.from_dict({"image": list(cells), "label": [0, 1, 0][:len(cells)]})}


def test_a_path_names_the_image():
    found = pathed({"bytes": png(2), "path": "x/dog.png"}, {"bytes": None, "path": None}, {"bytes": png(1), "path": ""})
    assert contents(from_datasets("d", found)) == [
        ("train row 0 (dog.png)", png(2)), ("train row 1", None), ("train row 2", png(1))]


def test_a_file_that_a_cell_names_is_read_only_where_the_hub_keeps_files(tmp_path):
    (tmp_path / "cache").mkdir()
    for place in (tmp_path / "cache" / "cat.png", tmp_path / "secret.png"):
        place.write_bytes(png(1))
    (tmp_path / "cache" / "link.png").symlink_to(tmp_path / "secret.png")
    inside = {"bytes": None, "path": str(tmp_path / "cache" / "cat.png")}
    raw = from_datasets("d", pathed(inside, inside), [tmp_path / "cache"])
    assert contents(raw)[0] == ("train row 0 (cat.png)", tmp_path / "cache" / "cat.png")
    for path in (tmp_path / "secret.png", tmp_path / "cache" / "link.png", tmp_path / "cache/../secret.png", "rel.png"):
        raw = from_datasets("d", pathed(inside, {"bytes": None, "path": str(path)}), [tmp_path / "cache"])
        with pytest.raises(DataError, match="train row 1 .* names a file instead of holding it"):
            contents(raw)
    with pytest.raises(DataError, match="names a file instead of holding it"):
        contents(from_datasets("d", pathed(inside, inside)))


@pytest.mark.parametrize(("label", "kind", "others", "expected"), [
    ("fine_label", datasets.ClassLabel(num_classes=2), {"coarse_label": [0] * 4}, (1, 0, 1, 0)),
    ("species", datasets.ClassLabel(num_classes=2), {"id": [5] * 4}, (1, 0, 1, 0)),
    ("label", datasets.Value("int64"), {"species": [5] * 4}, (1, 0, 1, 0)),
])
def test_label_column(label, kind, others, expected):
    raw = from_datasets("d", {"train": table("img", label, kind, **others)})
    assert tuple(raw.parts["train"].labels) == expected


def test_parts():
    raw = from_datasets("d", {"train": table(), "dev": table(), "test": table(), "unsupervised": table()})
    assert raw.notes == ("d: 1 part left out, being none of train, validation, test: unsupervised",)
    assert list(raw.parts) == ["train", "validation", "test"]
    assert contents(raw, "test")[0][0] == "test row 0"


@pytest.mark.parametrize(("found", "message"), [
    ({"test": table()}, "d has no train part, only test"),
    ({}, "d has no train part, only nothing"),
    ({"train": table(label="score")}, "d has no label column .*: image, score"),
    ({"train": datasets.Dataset.from_dict({"text": ["a"], "label": [0]})}, "no image column .*: text, label"),
    ({"train": table(), "test": table(label="labels")}, "the test part of d lacks the column"),
    ({"train": table(), "valid": table(), "dev": table()}, "d has two validation parts"),
    ({"train": table(labels=(None, 1, 0, 1))}, "has 1 image without a label; the first is number 0"),
    ({"train": table(), "test": table(labels=(-1, -1, -1, -1))}, "lacks: -1"),
    ({"train": table(image="left", right=[{"bytes": b"", "path": None}] * 4)}, "no image column that can be"),
])
def test_refused(found, message):
    with pytest.raises(DataError, match=message) as caught:
        from_datasets("d", found)
    assert caught.value.hint


def test_errors_become_one_sentence_of_their_first_cause():
    with pytest.raises(DataError, match="^x cannot be read: the reason$"), reading("x"):
        try:
            raise KeyError("inner")
        except KeyError:
            raise datasets.exceptions.DatasetGenerationError("outer") from OSError("the reason\nmore")


def test_progress_bars_are_as_before(capsys):
    assert not datasets.are_progress_bars_disabled()
    with reading("x"):
        assert datasets.are_progress_bars_disabled()
    assert not datasets.are_progress_bars_disabled()
