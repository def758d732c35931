from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from edgenas.errors import ExportError, FileError, RunError
from edgenas.export.package.contents import TensorSpec
from edgenas.export.package.manifest import (
    NAME,
    Artifact,
    Input,
    Manifest,
    Preprocessing,
    read,
    verify_hashes,
    write,
)
from edgenas.files import sha256


def artifact(folder: Path, name: str = "net.onnx", **changes) -> Artifact:
    file = folder / name
    if not file.exists():
        file.write_bytes(b"network")
    fields = dict(
        format="onnx", runtime="onnxruntime", path=name, bytes=file.stat().st_size, sha256=sha256(file),
        inputs=(TensorSpec(name="image", shape=(1, 1, 8, 8), dtype="float32"),),
        outputs=(TensorSpec(name="logits", shape=(1, 2), dtype="float32"),), layout="NCHW",
        operators={"Conv": 3}, max_abs=2e-6, agreement=1.0, parity_images=10, target="host")
    return Artifact(**(fields | changes))


def manifest(*artifacts: Artifact) -> Manifest:
    return Manifest(
        edgenas_version="0.1.0", created=datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC),
        command="edgenas run --data digits", seed=0, space="mobile", architecture={"stage1.block1": "skip"},
        classes=("zero", "one"), versions={"torch": "2.13.0"}, artifacts=artifacts, profile_sha256="0" * 64,
        input=Input(name="image", shape=(1, 1, 8, 8), dtype="float32", preprocessing=Preprocessing(
            channels="grey", size=(8, 8), scale=1 / 255, mean=(0.3,), std=(0.4,))))


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    original = manifest(artifact(tmp_path))
    write(original, tmp_path)
    assert read(tmp_path) == original
    plain = json.loads((tmp_path / NAME).read_text())
    assert plain["schema_version"] == 1
    assert plain["created"] == "2026-11-22T03:04:05Z"
    assert plain["input"]["preprocessing"]["resize"] == "fit bilinear"


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"manifest\.json: No such file"):
        read(tmp_path)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_manifest_is_refused(tmp_path: Path, share: float) -> None:
    write(manifest(artifact(tmp_path)), tmp_path)
    content = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(content[:int(share * len(content))])
    with pytest.raises(RunError, match="is no manifest") as caught:
        read(tmp_path)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("key", "value"), [("schema_version", 2), ("surprise", 1), ("seed", "x"), ("classes", 3)])
def test_a_wrong_entry_is_named(tmp_path: Path, key: str, value: object) -> None:
    write(manifest(), tmp_path)
    plain = json.loads((tmp_path / NAME).read_text())
    (tmp_path / NAME).write_text(json.dumps(plain | {key: value}))
    with pytest.raises(RunError, match=key):
        read(tmp_path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../net.onnx", "a/../../net.onnx", ""])
def test_an_artifact_outside_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    fields = artifact(tmp_path).model_dump() | {"path": path}
    with pytest.raises(ValidationError, match="does not stay inside the folder"):
        Artifact(**fields)


def test_a_changed_file_is_named(tmp_path: Path) -> None:
    record = manifest(artifact(tmp_path, "a.onnx"), artifact(tmp_path, "b.onnx"))
    verify_hashes(record, tmp_path)
    (tmp_path / "b.onnx").write_bytes(b"netvork")
    with pytest.raises(ExportError, match=r"b\.onnx was changed"):
        verify_hashes(record, tmp_path)
    (tmp_path / "b.onnx").unlink()
    with pytest.raises(ExportError, match=r"b\.onnx is missing"):
        verify_hashes(record, tmp_path)


def test_a_file_that_became_large_is_told_by_its_size_and_not_read(tmp_path: Path) -> None:
    document = manifest(artifact(tmp_path))
    os.truncate(tmp_path / "net.onnx", 1 << 40)
    with pytest.raises(ExportError, match="net.onnx was changed after its export: it has 1099511627776 bytes"):
        verify_hashes(document, tmp_path)
    with pytest.raises(FileError, match="at most 17179869184 are read"):
        sha256(tmp_path / "net.onnx")
