from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

from edgenas.errors import ExportError, UsageError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import operators, signature
from edgenas.files import sha256

from ..conftest import Exported, modules
from ..nets import settled


@pytest.mark.parametrize("name", ["strided", "outside"])
def test_the_same_module_gives_the_same_bytes_alone_and_in_a_batch(tflite_files: Exported, name: str, tmp_path: Path,
                                                                    capfd) -> None:
    module, shape = modules()[name]
    exporter("tflite").export([Export(module, torch.randn(1, *shape), tmp_path / "alone.tflite")])
    assert sha256(tmp_path / "alone.tflite") == sha256(tflite_files.items[name].path)
    assert capfd.readouterr() == ("", "")


def test_no_transpose_is_left(tflite_files: Exported) -> None:
    found = {name: operators(item.path) for name, item in tflite_files.items.items() if name != "outside"}
    assert not any("TRANSPOSE" in file for file in found.values())
    assert found["shared"] == {"ADD": 1, "CONV_2D": 2, "DEPTHWISE_CONV_2D": 1}
    assert found["linear"] == {"FULLY_CONNECTED": 1}
    assert found["nothing"] == {}


def test_the_signature_is_called_by_name(tflite_files: Exported) -> None:
    item = tflite_files.items["linear"]
    interpreter = Interpreter(str(item.path))
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}
    found = interpreter.get_signature_runner()(image=item.example.numpy())["logits"]
    torch.testing.assert_close(torch.from_numpy(found), item.module(item.example))


def test_a_classifier_of_vectors_keeps_their_layout(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Unflatten(1, (2, 2)), nn.Softmax(2))
    item = Export(module, torch.randn(1, 6), tmp_path / "vectors.tflite")
    exporter("tflite").export([item])
    interpreter = Interpreter(str(item.path))
    found = interpreter.get_signature_runner()(image=item.example.numpy())["logits"]
    torch.testing.assert_close(torch.from_numpy(found), module(item.example), rtol=1e-4, atol=1e-6)


def test_int8_of_what_is_outside_the_vocabulary_is_made_by_the_official_quantizer(tmp_path: Path, capfd) -> None:
    torch.manual_seed(0)
    module, images = settled(nn.Sequential(nn.BatchNorm2d(4), nn.Conv2d(4, 5, 3))).eval(), torch.randn(16, 4, 6, 6)
    item = Export(module, images[:1], tmp_path / "net.tflite", images)
    exporter("tflite").export([item], precision="int8")
    assert capfd.readouterr().out == ""
    (image,), (made,) = signature(item.path)
    assert (image.name, image.dtype, made.name, made.dtype) == ("image", "int8", "logits", "int8")
    found = open_session(item.path, "litert").predict(images.numpy()).transpose(0, 3, 1, 2)
    expected = module(images).detach().numpy()
    assert abs(found - expected).max() < 0.05 * abs(expected).max()


def test_int8_of_what_the_quantizer_leaves_in_float_names_the_operator(tmp_path: Path) -> None:
    image = torch.randn(3, 4, 5, 5)
    item = Export(nn.Sequential(nn.Conv2d(4, 4, 1), nn.LeakyReLU()), image[:1], tmp_path / "net.tflite", image)
    with pytest.raises(ExportError, match=r"net\.tflite: it cannot be made int8: .*LEAKY_RELU would stay in float32"):
        exporter("tflite").export([item], precision="int8")
    assert not item.path.exists()


@pytest.mark.parametrize(("calibration", "what"), [
    (None, "there are none"), (torch.zeros(0, 8), "there are none"), (torch.zeros(3, 7), r"shape \(3, 7\)"),
    (torch.zeros(3, 8, dtype=torch.float64), "float64"), (torch.full((3, 8), float("nan")), "finite"),
])
def test_int8_without_proper_calibration_is_refused(calibration: torch.Tensor | None, what: str,
                                                    tmp_path: Path) -> None:
    item = Export(nn.Linear(8, 3), torch.zeros(1, 8), tmp_path / "net.tflite", calibration)
    with pytest.raises(UsageError, match=f"net.tflite: .*calibration inputs.*{what}"):
        exporter("tflite").export([item], precision="int8")
