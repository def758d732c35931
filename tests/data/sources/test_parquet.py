from __future__ import annotations

import os
from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from edgenas.data import DataWarning, limits, load
from edgenas.data.sources import parquet
from edgenas.errors import DataError, FileError


def write(path, count, rng, label="label", first=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = []
    for _ in range(count):
        stream = BytesIO()
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    labels = [first + row % 2 for row in range(count)]
    pq.write_table(pa.table({"image": cells, label: labels}), path)


def test_train_and_test_files_in_shards(tmp_path, rng):
    write(tmp_path / "set" / "train-00000-of-00002.parquet", 12, rng)
    write(tmp_path / "set" / "train-00001-of-00002.parquet", 8, rng)
    write(tmp_path / "set" / "test.parquet", 6, rng)
    write(tmp_path / "set" / "validation.parquet", 4, rng)
    task = load(str(tmp_path / "set"))
    assert (len(task.train), len(task.validation), len(task.test)) == (20, 4, 6)
    assert (task.name, task.classes, task.input_shape) == ("set", ("0", "1"), (3, 6, 6))
    splits = (task.train, task.validation, task.test)
    images = [image.numpy().tobytes() for split in splits for image in split.images]
    assert len(set(images)) == 30


def test_files_of_other_names_are_all_train(tmp_path, rng):
    write(tmp_path / "a.parquet", 10, rng)
    write(tmp_path / "b.parquet", 10, rng)
    task = load(str(tmp_path))
    assert len(task.train) + len(task.validation) + len(task.test) == 20


def test_a_folder_name_with_pattern_characters(tmp_path, rng):
    write(tmp_path / "set [1]*" / "train.parquet", 10, rng)
    write(tmp_path / "set [1]*" / "test.parquet", 4, rng)
    assert len(load(str(tmp_path / "set [1]*")).test) == 4


def test_a_changed_file_is_read_again(tmp_path, rng):
    write(tmp_path / "train.parquet", 10, rng)
    before = load(str(tmp_path)).fingerprint
    write(tmp_path / "train.parquet", 10, rng)
    assert load(str(tmp_path)).fingerprint != before


def test_an_unreadable_image_is_named_by_its_row(tmp_path, rng):
    write(tmp_path / "train.parquet", 10, rng)
    table = pq.read_table(tmp_path / "train.parquet").to_pylist()
    table[7]["image"]["bytes"] = b"text"
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "train.parquet")
    with pytest.raises(DataError, match="1 of 10 images cannot be read: train row 7"):
        load(str(tmp_path))
    with pytest.warns(DataWarning, match=r"1 image left out, which cannot be read: train row 7 \(text, no image\)"):
        assert load(str(tmp_path), on_bad_image="skip").skipped == ("train row 7",)


def refused(folder, message):
    with pytest.raises(DataError, match=message) as caught:
        parquet.read(str(folder))
    assert caught.value.hint


def test_files_of_no_part_beside_others(tmp_path, rng):
    write(tmp_path / "train.parquet", 4, rng)
    write(tmp_path / "extra.parquet", 4, rng)
    refused(tmp_path, "has extra.parquet beside files of train")


def test_the_label_column_is_missing(tmp_path, rng):
    write(tmp_path / "train.parquet", 4, rng, label="score")
    refused(tmp_path, "has no label column that can be told from the others: image, score")


def test_classes_of_test_that_train_lacks(tmp_path, rng):
    write(tmp_path / "train.parquet", 6, rng)
    write(tmp_path / "test.parquet", 4, rng, first=1)
    refused(tmp_path, "the test part of .* has classes that its train part lacks: 2")


@pytest.mark.parametrize("keep", [0, 60])
def test_a_damaged_file(tmp_path, rng, keep):
    write(tmp_path / "train.parquet", 4, rng)
    content = (tmp_path / "train.parquet").read_bytes()
    (tmp_path / "train.parquet").write_bytes(content[:keep])
    refused(tmp_path, "cannot be read: ")


@pytest.mark.parametrize("place", ["data/train-00000-of-00001", "plain_text/train-00000", "default/train/0000"])
def test_where_a_data_set_of_the_hub_has_its_files(tmp_path, rng, place):
    write(tmp_path / f"{place}.parquet", 10, rng)
    write(tmp_path / f"{place.replace('train', 'test')}.parquet", 4, rng)
    (tmp_path / "README.md").write_text("---\n---\n")
    assert parquet.accepts(str(tmp_path))
    parts = parquet.read(str(tmp_path)).parts
    assert {name: len(part) for name, part in parts.items()} == {"train": 10, "test": 4}


def test_parts_by_other_names(tmp_path, rng):
    write(tmp_path / "mnist_train.parquet", 10, rng)
    write(tmp_path / "mnist-eval.parquet", 4, rng)
    parts = parquet.read(str(tmp_path)).parts
    assert {name: len(part) for name, part in parts.items()} == {"train": 10, "test": 4}


def test_several_data_sets_in_one_folder(tmp_path, rng):
    for name in ("fr", "en"):
        write(tmp_path / name / "train.parquet", 4, rng)
    refused(tmp_path, "has parquet files in several folders: en, fr")


def test_a_few_rows_across_files_and_row_groups(tmp_path, rng):
    write(tmp_path / "all.parquet", 50, rng)
    table = pq.read_table(tmp_path / "all.parquet")
    (tmp_path / "set").mkdir()
    pq.write_table(table[:30], tmp_path / "set/train-0.parquet", row_group_size=7)
    pq.write_table(table[30:], tmp_path / "set/train-1.parquet", row_group_size=20)
    images = parquet.read(str(tmp_path / "set")).parts["train"].images
    rows = np.array([0, 6, 7, 29, 30, 49])
    expected = [(f"train row {row}", table["image"][int(row)].as_py()["bytes"]) for row in rows]
    assert list(images[rows].read(rows)) == expected


def test_class_names_that_the_file_has(tmp_path, rng):
    import datasets

    write(tmp_path / "all.parquet", 10, rng)
    rows = pq.read_table(tmp_path / "all.parquet").to_pydict()
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=["zebra", "ant"]))
    (tmp_path / "set").mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "set" / "train.parquet")
    assert parquet.read(str(tmp_path / "set")).classes == ("zebra", "ant")


def test_files_that_cells_name_are_never_read(tmp_path, rng):
    write(tmp_path / "all.parquet", 10, rng)
    (tmp_path / "set").mkdir()
    Image.new("L", (6, 6)).save(tmp_path / "set" / "secret.png")
    for path in (tmp_path / "set" / "secret.png", "secret.png"):
        cells = [{"bytes": None, "path": str(path)}] * 10
        pq.write_table(pa.table({"image": cells, "label": [0, 1] * 5}), tmp_path / "set/train.parquet")
        with pytest.raises(DataError, match="names a file instead of holding it, and files that a data set"):
            load(str(tmp_path / "set"))


def test_a_small_file_that_unpacks_to_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "HARMLESS", 1 << 20)
    cell, schema = bytes(1 << 19), pa.schema({"image": pa.binary(), "label": pa.int64()})
    with pq.ParquetWriter(tmp_path / "train.parquet", schema, compression="zstd", use_dictionary=False) as writer:
        table = pa.table({"image": [cell], "label": [0]}, schema=schema)
        for _ in range(3):
            writer.write_table(table)
    refused(tmp_path, r"train.parquet unpacks from \d+ bytes to 0.00 GiB, which images never do")


def test_more_rows_than_bytes(tmp_path):
    indices = pa.array(np.zeros(200_000, np.int32))
    pq.write_table(pa.table({"image": pa.DictionaryArray.from_arrays(indices, pa.array([b"x"], pa.binary())),
                             "label": indices}), tmp_path / "train.parquet")
    refused(tmp_path, "has 200,000 rows in .* bytes, which images never do")


@pytest.mark.parametrize("features", ["[" * 100_000, '{"info": {"features": {"image": {"_type": "Nope"}}}}'])
def test_a_hostile_description_of_the_columns(tmp_path, features):
    table = pa.table({"image": [b"x"] * 4, "label": [0, 1] * 2}).replace_schema_metadata({"huggingface": features})
    pq.write_table(table, tmp_path / "train.parquet")
    refused(tmp_path, "train.parquet cannot be read: ")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train.parquet")
    with pytest.raises(FileError, match="is a pipe, not a regular file"):
        parquet.read(str(tmp_path))
