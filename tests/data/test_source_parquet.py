from __future__ import annotations

from io import BytesIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from edgenas.data import DataWarning, load, source_parquet
from edgenas.errors import DataError


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
        source_parquet.read(str(folder))
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
