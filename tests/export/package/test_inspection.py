from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgenas.errors import ExportError, UsageError
from edgenas.export.package.inspection import inspect

from ..folders import CLASSES, described


@pytest.fixture
def file(export_all, tmp_path: Path) -> Path:
    shutil.copy(export_all("onnx").items["net"].path, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_a_file_alone_shows_what_is_in_it(file: Path) -> None:
    found = inspect(file)
    assert found["kind"] == "file" and found["inputs"][0]["shape"] == [1, 3, 20, 28]
    assert found["operators"]["Conv"] > 0 and found["about"] is None and found["verified"] == []


def test_a_file_that_lost_its_manifest_still_says_what_it_is(file: Path, tmp_path: Path) -> None:
    described(tmp_path, {"net.onnx": "onnx"})
    assert inspect(file)["verified"] == ["what the file says of itself", "SHA-256 in manifest.json beside it"]
    (tmp_path / "manifest.json").unlink()
    found = inspect(file)
    assert found["about"]["classes"] == list(CLASSES) and found["about"]["space"] == "mini"
    assert found["about"]["input"]["preprocessing"]["size"] == [20, 28]
    assert found["verified"] == ["what the file says of itself"]


def test_a_file_that_is_not_the_manifest_s_is_refused(file: Path, tmp_path: Path, export_all) -> None:
    described(tmp_path, {"net.onnx": "onnx"})
    shutil.copy(export_all("onnx").items["net"].path, file)
    with pytest.raises(ExportError, match="net.onnx was changed after its export"):
        inspect(file)


def test_a_library_is_known_by_what_stands_beside_it(export_all, tmp_path: Path) -> None:
    library = export_all("tvm").items["net"].path
    assert inspect(library)["operators"]["nn.conv2d"] > 0
    shutil.copy(library, tmp_path / "net.so")
    with pytest.raises(ExportError, match="cannot read .*net.so.json"):
        inspect(tmp_path / "net.so")


def test_what_is_nothing_of_ours(tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text("text")
    for path, words in ((tmp_path / "nosuch", "there is no"), (tmp_path, "there is no manifest.json"),
                        (tmp_path / "net.txt", "is no exported network")):
        with pytest.raises(UsageError, match=words):
            inspect(path)
