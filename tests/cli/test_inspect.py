"""edgenas inspect, and export --bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow.flows import Finished, copied, edgenas, succeed


@pytest.fixture
def folder(counted: Finished, tmp_path: Path) -> Path:
    return copied(counted, tmp_path / "run")


def test_a_bundle_is_the_same_again_and_shows_what_the_run_is(folder: Path, tmp_path: Path):
    made = succeed("export", folder, "--bundle", tmp_path / "a.zip", "--json").document
    assert made["bundle"] == str(tmp_path / "a.zip")
    assert "wrote" in succeed("export", folder, "--format", "onnx", "--bundle", tmp_path / "b.zip").out
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    found = succeed("inspect", tmp_path / "a.zip", "--json").document
    assert found["provenance"]["architecture"] == made["architecture"]
    assert found["artifacts"][0]["about"]["data_fingerprint"]
    shown = succeed("inspect", tmp_path / "a.zip").out
    for word in ("model.onnx", "Conv", "run_onnx.py", "0, 1, 2", "verified: SHA-256 of"):
        assert word in shown, word


def test_a_run_and_a_file_are_inspected_too(folder: Path):
    assert succeed("inspect", folder, "--json").document["kind"] == "folder"
    shown = succeed("inspect", folder / "artifacts" / "model.onnx").out
    assert "image float32 1x1x8x8" in shown and "verified: what the file says of itself" in shown


def test_a_changed_file_has_an_exit_code_of_its_own(folder: Path):
    file = folder / "artifacts" / "model.onnx"
    file.write_bytes(file.read_bytes() + b"x")
    for path in (folder, file):
        edgenas("inspect", path).refused(4, "model.onnx", "export")
    edgenas("export", folder, "--bundle", folder / "a.tar").refused(2, "a.tar is no zip file")
    edgenas("inspect", folder / "nosuch").refused(2, "there is no")


def test_exporting_again_changes_nothing(folder: Path):
    before = {path.name: path.read_bytes() for path in (folder / "artifacts").iterdir()}
    succeed("export", folder)
    assert {path.name: path.read_bytes() for path in (folder / "artifacts").iterdir()} == before
