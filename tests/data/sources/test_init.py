from __future__ import annotations

import zipfile

import numpy as np
import pytest

from edgenas.data import sources
from edgenas.errors import DataError, UsageError


def accepting(value: str) -> list[str]:
    return [module.FORM for module in sources.every() if module.accepts(value)]


def test_every_source_has_what_a_source_needs():
    modules = sources.every()
    assert {"mnist", "digits"} <= {module.FORM for module in modules}
    assert len({module.FORM for module in modules}) == len(modules) >= 7
    assert all(callable(module.accepts) and callable(module.read) and module.__doc__ for module in modules)


def test_each_value_is_of_one_source(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    folder({"a": 1})
    (tmp_path / "table").mkdir()
    (tmp_path / "table/train.parquet").touch()
    np.savez(tmp_path / "data.npz", images=np.zeros(1))
    (tmp_path / "digits").mkdir()
    images = "FOLDER of images by class"
    expected = {"mnist": "mnist", "./digits": images, "photos": images, "./photos": images,
                "table": "FOLDER of parquet files", "data.npz": "FILE.npz", "gone/data.npz": "FILE.npz",
                "ylecun/mnist": "OWNER/NAME of the Hugging Face hub", "my.data:sets": "MODULE:FUNCTION"}
    for value, form in expected.items():
        assert accepting(value) == [form], value
    for value in ("", "photo", "photos/cats", "./x/y", "../a", "a/b/c", "a/b.zip", "C:\\data", "1:2", "own/"):
        assert accepting(value) == [], value


@pytest.mark.parametrize(("value", "error", "message", "hint"), [
    ("mnits", UsageError, "'mnits' is no known data source", "did you mean 'mnist'"),
    ("digit", UsageError, "'digit' is no known data source", "did you mean 'digits'"),
    ("", UsageError, "'' is no known data source", "known: "),
    ("./photos", DataError, r"there is no file or folder \./photos", "check the path"),
    ("a/b/c", DataError, "there is no file or folder a/b/c", "check the path"),
])
def test_what_no_source_takes_is_refused(tmp_path, monkeypatch, value, error, message, hint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message) as caught:
        sources.read(value)
    assert hint in caught.value.hint


def test_a_folder_named_like_embedded_data_is_never_mistaken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    with pytest.raises(DataError, match="digits may mean digits or FOLDER of images by class") as caught:
        sources.read("digits")
    assert "./digits" in caught.value.hint


def test_an_archive_is_not_unpacked_by_itself(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("cat/a.png", b"")
    with pytest.raises(DataError, match="is an archive, not a folder") as caught:
        sources.read(str(tmp_path / "photos.zip"))
    assert caught.value.hint.endswith("/photos")


def test_another_kind_of_file(tmp_path):
    (tmp_path / "labels.csv").write_text("a,b\n")
    with pytest.raises(DataError, match="a kind that is not read as data"):
        sources.read(str(tmp_path / "labels.csv"))
