from __future__ import annotations

import copy
import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from edgenas.errors import ExportError, StorageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.quiet import quiet
from edgenas.flow.diagnosis import blamed
from edgenas.flow.parity import refused

NET = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 3)).eval()
IMAGES = torch.randn(4, 2, 5, 5)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    exporter("onnx").export([Export(NET, IMAGES[:1], tmp_path / "net.onnx")])
    return tmp_path / "net.onnx"


def test_the_layer_is_named(file: Path) -> None:
    other = copy.deepcopy(NET)
    with torch.no_grad():
        other[3].weight *= 2
    assert blamed(other, IMAGES, file, exporter("onnx"), "onnxruntime") == "the first layer that differs is 3 (linear)"


def test_a_runtime_that_computes_a_right_file_otherwise_is_named(file: Path) -> None:
    assert blamed(NET, IMAGES, file, exporter("onnx"), "onnxruntime") == (
        "each of its layers is right when looked at alone, so what onnxruntime makes of the whole is not")


def test_int8_is_off_by_rounding_or_by_much(tmp_path: Path) -> None:
    item = Export(NET, IMAGES[:1], tmp_path / "net.tflite", IMAGES)
    exporter("tflite").export([item], precision="int8")
    asked = (IMAGES, item.path, exporter("c_array"), "litert", "int8")  # which tflite proves
    assert blamed(NET, *asked) == "no layer alone is off by more than 30%"
    other = copy.deepcopy(NET)
    with torch.no_grad():
        other[0].weight *= -1
    assert blamed(other, *asked) == "the first layer that is off by more than 30% is 0 (conv2d)"


def test_a_reason_that_cannot_be_told_is_no_error_of_its_own(file: Path) -> None:
    file.write_bytes(b"")
    assert blamed(NET, IMAGES, file, exporter("onnx"), "onnxruntime").startswith(
        "which layer is to blame cannot be told: onnxruntime cannot load")


def test_a_program_shows_no_values_so_its_beginnings_are_compiled(tmp_path: Path, monkeypatch) -> None:
    """An exporter that doubles the last layer's bias, whatever part of the network it is given."""
    to = exporter("binary")
    export = type(to).export

    def doubling(self, items, **options):
        with quiet():
            spoilt = copy.deepcopy(items[0].module)
        with torch.no_grad():
            for name, value in spoilt.named_parameters():
                if name == "3.bias":
                    value += 1
        export(self, [Export(spoilt, items[0].example, items[0].path)], **options)

    monkeypatch.setattr(type(to), "export", doubling)
    to.export([Export(NET, IMAGES[:1], tmp_path / "net.bin")])
    assert blamed(NET, IMAGES, tmp_path / "net.bin", to, "binary") == "the first layer that differs is 3 (linear)"


@pytest.mark.parametrize("error", [StorageError("full"), OSError(errno.ENOSPC, "No space left on device")])
def test_a_full_disk_is_no_reason_that_cannot_be_told(file: Path, monkeypatch, error: Exception) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr("edgenas.flow.diagnosis.worst", full)
    with pytest.raises(type(error)):
        blamed(NET, IMAGES, file, exporter("onnx"), "onnxruntime")


@pytest.mark.parametrize(("error", "words"), [(StorageError("full"), "^full"), (KeyboardInterrupt(), "^$"),
                                              (ExportError("wrong", "h"), "net.onnx is refused: wrong")])
def test_a_file_that_was_not_proven_does_not_stay(tmp_path: Path, error: BaseException, words: str) -> None:
    (tmp_path / "net.onnx").touch()
    with pytest.raises(type(error), match=words), refused(tmp_path / "net.onnx", exporter("onnx")):
        raise error
    assert not list(tmp_path.iterdir())
