from __future__ import annotations

from io import BytesIO

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from edgenas.data import limits, load
from edgenas.data.sources import hub
from edgenas.errors import DataError


def test_offline_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="the data set no-one/nothing .* cannot be read: ") as caught:
        hub.read("no-one/nothing")
    assert "\n" not in caught.value.message
    assert "network" in caught.value.hint


def png(value):
    stream = BytesIO()
    Image.new("L", (6, 6), 10 * value).save(stream, "PNG")
    return {"bytes": stream.getvalue(), "path": f"{value}.png"}


@pytest.fixture
def letters(tmp_path, monkeypatch):
    """A folder in the place of the hub's data set `someone/letters`; `datasets` itself reads it."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)  # files below it may be named
    builder, dataset = datasets.load_dataset_builder, datasets.load_dataset
    calls = []

    def local(function):
        def called(*args, **kwargs):
            calls.append((function.__name__, args, kwargs))
            return function(str(tmp_path / "hub"))
        return called

    monkeypatch.setattr(datasets, "load_dataset_builder", local(builder))
    monkeypatch.setattr(datasets, "load_dataset", local(dataset))
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub", calls


def write(path, rows, labels, readme=""):
    pq.write_table(pa.table({"image": [png(row) for row in rows], "label": labels}), path)
    if readme:
        (path.parent / "README.md").write_text(readme)


CLASSES = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names: {'0': a, '1': b}
---
"""


def test_parquet_files_of_the_hub_are_read_without_being_unpacked_onto_the_disk(letters, tmp_path):
    folder, calls = letters
    write(folder / "train-00000.parquet", range(20), [0, 1] * 10, CLASSES)
    write(folder / "test-00000.parquet", range(20, 24), [0, 1] * 2)
    task = load("someone/letters")
    assert calls == [("load_dataset_builder", ("someone/letters",), {})]
    assert (task.name, task.classes, len(task.test)) == ("someone/letters", ("a", "b"), 4)
    assert (task.train.images[:, 0, 0, 0] // 10 % 2 == task.train.labels).all()
    assert not list(tmp_path.rglob("*.arrow"))


def test_classes_that_the_description_numbers_and_the_files_spell(letters):
    folder, _ = letters
    write(folder / "train-00000.parquet", range(20), ["b", "a"] * 10, CLASSES)
    assert load("someone/letters").classes == ("a", "b")


def test_a_file_of_the_hub_that_unpacks_to_a_large_one(letters, monkeypatch):
    monkeypatch.setattr(limits, "HARMLESS", 1 << 20)
    folder, _ = letters
    schema = pa.schema({"image": pa.binary(), "label": pa.int64()})
    with pq.ParquetWriter(folder / "train.parquet", schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(3):
            writer.write_table(pa.table({"image": [bytes(1 << 19)], "label": [0]}, schema=schema))
    with pytest.raises(DataError, match=r"train.parquet unpacks from \d+ bytes to 0.00 GiB, which images never do"):
        hub.read("someone/letters")


def test_files_of_another_kind_are_read_by_datasets_without_running_code(letters):
    folder, calls = letters
    for row in range(20):
        (folder / "train" / "ab"[row % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "train" / "ab"[row % 2] / f"{row}.png").write_bytes(png(row)["bytes"])
    task = load("someone/letters")
    assert calls == [(name, ("someone/letters",), {}) for name in ("load_dataset_builder", "load_dataset")]
    assert task.classes == ("a", "b")
    assert (task.train.images[:, 0, 0, 0] // 10 % 2 == task.train.labels).all()
