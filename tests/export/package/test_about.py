from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgenas.errors import ExportError
from edgenas.export import exporter, formats
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.package.about import carries, embed, embedded
from edgenas.export.package.contents import operators, signature
from edgenas.export.package.labelled import labelled

from ..conftest import RUNTIMES, Exported
from ..folders import about


@pytest.fixture(params=["onnx", "tflite"])
def file(request, export_all, tmp_path: Path) -> tuple[Exported, Path]:
    """Files of the direct exporters and of the official ones."""
    exported: Exported = export_all(request.param)
    for name in ("net", "outside"):
        shutil.copy(exported.items[name].path, tmp_path / f"{name}.{request.param}")
    return exported, tmp_path / f"net.{request.param}"


def test_a_file_says_what_it_is_and_computes_what_it_did(file, images) -> None:
    exported, path = file
    known = signature(path), operators(path), exported.predict("net")(images.numpy())
    assert embedded(path) is None
    embed(path, about())
    found = embedded(path)
    assert found is not None and found.body_sha256
    assert found.model_copy(update={"body_sha256": None}) == about()
    computed = open_session(path, RUNTIMES[exported.format]).predict(images.numpy())
    assert (signature(path), operators(path)) == known[:2] and np.array_equal(computed, known[2])


def test_the_same_record_gives_the_same_bytes_once_or_twice(file) -> None:
    exported, path = file
    for name in ("net", "outside"):
        one = path.with_stem(name)
        embed(one, about())
        content = one.read_bytes()
        embed(one, about("grey"))
        assert one.read_bytes() != content
        embed(one, about())
        assert one.read_bytes() == content
        shutil.copy(exported.items[name].path, one)
        embed(one, about())
        assert one.read_bytes() == content


def test_a_changed_weight_shows(file) -> None:
    _, path = file
    embed(path, about())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match="was changed after its export|is damaged"):
        embedded(path)


@pytest.mark.parametrize("name", ["net.onnx", "net.tflite"])
def test_what_is_no_such_file_is_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a model")
    with pytest.raises(ExportError, match="is damaged"):
        embedded(tmp_path / name)


def test_a_record_of_something_else_is_refused(file) -> None:
    _, path = file
    embed(path, about())
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"space":"mini"', b'"SPACE":"mini"'))
    with pytest.raises(ExportError, match="what it says of itself cannot be read"):
        embedded(path)


def test_only_what_can_hold_it_is_labelled(net, images, tmp_path: Path) -> None:
    assert [format for format in formats() if carries(format)] == ["onnx", "tflite"]
    assert labelled(exporter("tvm"), about()) is exporter("tvm")
    to, done = labelled(exporter("tflite"), about()), []
    to.export([Export(net, images[:1], tmp_path / "net.tflite", images)], precision="int8", on_done=done.append)
    assert len(done) == 1 and embedded(tmp_path / "net.tflite").precision == "int8"
    assert (to.format, to.suffix, to.precisions) == ("tflite", ".tflite", exporter("tflite").precisions)
