"""edgenas export --from: networks of a user's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file, save_model
from torch import nn

from edgenas.errors import RunError
from edgenas.export.package.inspection import inspect
from edgenas.files import JSON_LIMIT
from edgenas.flow import foreign
from edgenas.flow.foreign_network import build

from .flows import edgenas, files, succeed

EXAMPLES = Path(__file__).parents[2] / "examples"
DATA = ("--data", "digits", "--max-images", "300")
SMALL = {"resnet": "ResNet(width=8, blocks=(1, 1))", "vit": "VisionTransformer(size=8, patch=4, dim=16, depth=1)"}
TINY = '''
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4, {classes})
    def forward(self, {inputs}):
        x = self.conv(x)
        {body}
        return self.head(x.mean((2, 3)))

def build():
    return Net()
'''


def example(name: str, folder: Path) -> str:
    """The example as a user would change it for images of 8 x 8."""
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    (folder / f"{name}.py").write_text(text + f"\n\ndef small():\n    return {SMALL[name]}\n")
    return f"{folder / name}.py:small"


def tiny(folder: Path, body: str = "", inputs: str = "x", classes: int = 10) -> str:
    (folder / "net.py").write_text(TINY.format(body=body, inputs=inputs, classes=classes))
    return f"{folder / 'net.py'}:build"


def exported(tmp_path: Path, origin: str, *more: object):
    return edgenas("export", "--from", origin, *DATA, "--device", "mock", "--out", tmp_path / "out", *more)


@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_the_examples_become_files_that_compute_what_they_compute(name: str, tmp_path: Path):
    origin = example(name, tmp_path)
    network = build(origin, None)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    asked = ("--weights", tmp_path / "w.safetensors", "--format", "onnx", "--format", "tflite", "--bundle",
             tmp_path / "own.zip", "--json")
    document = exported(tmp_path, origin, *asked).document
    assert [row["format"] for row in document["verified"]] == ["onnx", "tflite"] and document["refused"] == {}
    for row in document["verified"]:
        assert row["max_abs"] < 1e-4 and row["agreement"] == 1
        assert row["test_accuracy"] == pytest.approx(row["test_accuracy_pytorch"])
    assert document["verified"][0]["measured_latency_ms"] > 0  # on the mock device, that runs ONNX files
    found = inspect(tmp_path / "own.zip")
    assert found["provenance"]["space"] == origin and found["provenance"]["weights_sha256"]
    assert found["artifacts"][1]["gates"]["partitions"] == 1
    assert found["artifacts"][0]["gates"]["transposes"] == {"resnet": 0, "vit": 4}[name]


def test_int8_goes_by_the_accuracy_that_it_loses(tmp_path: Path):
    origin = example("vit", tmp_path)
    document = exported(tmp_path, origin, "--precision", "int8", "--max-drop", "100", "--json").document
    (row,) = document["verified"]
    assert row["precision"] == "int8" and document["artifacts"][0]["quantisation"]["method"] == "ptq"


def test_a_format_that_cannot_hold_it_keeps_no_other_back(tmp_path: Path):
    result = exported(tmp_path, tiny(tmp_path, "x = x.logcumsumexp(-1)"), "--format", "tflite", "--format", "onnx",
                      "--json")
    assert result.code == 4 and [row["format"] for row in result.document["verified"]] == ["onnx"]
    assert "operator aten.logcumsumexp.default is not supported" in result.document["refused"]["tflite"]


def test_an_operator_that_no_format_has_is_named(tmp_path: Path):
    odd = tiny(tmp_path, "x = torch.special.bessel_j0(x)")
    exported(tmp_path, odd, "--format", "tflite", "--format", "onnx").refused(
        4, "no format can hold", "is not supported", "aten.special_bessel_j0.default", "prims.bessel_j0.default")


def test_further_formats_join_and_another_network_does_not(tmp_path: Path):
    origin = tiny(tmp_path)
    assert exported(tmp_path, origin).code == 0
    document = exported(tmp_path, origin, "--format", "tflite", "--json").document
    assert [artifact["format"] for artifact in document["artifacts"]] == ["onnx", "tflite"]
    before = files(tmp_path / "out")
    exported(tmp_path, tiny(tmp_path, inputs="x"), "--mean", "0.5").refused(2, "another network: its mean is [0.")
    assert files(tmp_path / "out") == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("")
    edgenas("export", "--from", origin, *DATA, "--out", tmp_path / "mine").refused(2, "holds no export of a network")


@pytest.mark.parametrize(("source", "words"), [
    ({"inputs": "x, mask"}, ("takes 2 inputs (x, mask)", "wrap it")),
    ({"classes": 7}, ("tells 7 classes apart, and the data has 10",)),
    ({"body": "return x"}, ("gives torch.float32 of shape (1, 4, 6, 6)", "wrap it")),
    ({"body": "return [x]"}, ("gives list for one image",)),
    ({"body": "self.conv.weight.view(-1)[7]; x = x.view(1, 9)"}, ("fails on an image of 1x8x8", "--image-size")),
    ({"body": "import nosuch"}, ("fails on an image of 1x8x8", "No module named 'nosuch'")),
])
def test_networks_that_cannot_be_used(tmp_path: Path, source, words):
    exported(tmp_path, tiny(tmp_path, **source)).refused(2, *words)
    assert not (tmp_path / "out").exists()


def test_shapes_that_depend_on_the_image_are_refused_with_the_reason(tmp_path: Path):
    exported(tmp_path, tiny(tmp_path, "x = x if x.sum() > 0 else -x")).refused(
        4, "a branch or a size in it depends on the input's values")
    exported(tmp_path, tiny(tmp_path, "x = x[x > -9].view(1, 4, -1, 1)")).refused(4, "depends on the input's values")


def test_data_of_another_shape_is_refused(tmp_path: Path):
    images = np.zeros((40, 12, 12, 3), np.uint8)
    np.savez(tmp_path / "colour.npz", x_train=images, y_train=np.arange(40) % 10, x_test=images,
             y_test=np.arange(40) % 10)
    origin = tiny(tmp_path)
    edgenas("export", "--from", origin, "--data", tmp_path / "colour.npz", "--precision", "int8", "--out",
            tmp_path / "out").refused(2, "fails on an image of 3x12x12", "data that the network was made for")


def test_weights_that_cannot_be_used(tmp_path: Path):
    origin = tiny(tmp_path)
    good = build(origin, None).state_dict()

    def refused(weights: dict, *words: str) -> None:
        save_file(weights, tmp_path / "w.safetensors")
        exported(tmp_path, origin, "--weights", tmp_path / "w.safetensors").refused(2, *words)

    refused({key: value for key, value in good.items() if key != "head.bias"}, "it lacks head.bias")
    refused(good | {"extra": torch.zeros(1)}, "it has extra too many")
    refused(good | {"\x1b[2Jx\ny": torch.zeros(1)}, r"it has \x1b[2Jx y too many")
    refused(good | {"head.bias": torch.zeros(3)}, "head.bias is (3,), and in the network (10,)")
    refused(good | {"head.bias": torch.full((10,), torch.nan)}, "the weight head.bias holds values that are not finite")
    torch.save({"state_dict": good, "by": Path("home")}, tmp_path / "w.pt")
    exported(tmp_path, origin, "--weights", tmp_path / "w.pt").refused(2, "holds more than tensors", "can run code")
    exported(tmp_path, origin, "--weights", tmp_path / "nosuch").refused(2, "there is no file")
    assert not (tmp_path / "out").exists()


def test_tied_weights_and_counts_of_batches_may_be_missing(tmp_path: Path):
    (tmp_path / "tied.py").write_text(
        "from torch import nn\n\n\ndef build():\n    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), "
        "nn.BatchNorm1d(4))\n    net[1].weight = net[0].weight\n    return net\n")
    origin = f"{tmp_path / 'tied.py'}:build"
    net = build(origin, None)
    nn.init.ones_(net[0].weight)
    save_model(net, str(tmp_path / "w.safetensors"))
    found = build(origin, tmp_path / "w.safetensors")
    assert found[1].weight is found[0].weight and bool((found[0].weight == 1).all())
    state = {key: value.clone() for key, value in net.state_dict().items() if "num_batches" not in key}
    save_file(state, tmp_path / "w.safetensors")
    build(origin, tmp_path / "w.safetensors")


@pytest.mark.parametrize(("text", "words"), [
    ("def build(width): pass", ("failed: TypeError", "a function that takes nothing")),
    ("def build(): return 3", ("returned a int, and not a torch.nn.Module",)),
    ("def build(): 1 / 0", ("net.py, line 1: ZeroDivisionError: division by zero",)),
    ("other = 1", ("'build' is no known function of",)),
])
def test_functions_that_build_nothing(tmp_path: Path, text: str, words):
    (tmp_path / "net.py").write_text(text)
    exported(tmp_path, f"{tmp_path / 'net.py'}:build").refused(2, *words)


def test_what_is_asked_for_wrongly(tmp_path: Path):
    origin = tiny(tmp_path)
    edgenas("export").refused(2, "neither a run nor a network", "--from net.py:build")
    edgenas("export", tmp_path, "--from", origin).refused(2, "both a run")
    edgenas("export", tmp_path, "--weights", "w").refused(2, "--weights is for a network of your own")
    edgenas("export", "--from", origin, "--out", tmp_path / "out").refused(2, "--from needs --data")
    edgenas("export", "--from", origin, *DATA).refused(2, "--from needs --out")
    edgenas("export", "--from", origin, *DATA, "--out", tmp_path / "out", "--mean", "a").refused(2, "--mean a is not")
    exported(tmp_path, origin, "--std", "0.1,0.2,0.3").refused(2, "--std has 3 values, and the images have 1 channels")
    exported(tmp_path, origin, "--format", "onxn").refused(2, "did you mean 'onnx'?")


def test_the_normalisation_is_the_one_given(tmp_path: Path):
    document = exported(tmp_path, tiny(tmp_path), "--mean", "0.25", "--std", "0.5", "--json").document
    assert document["input"]["preprocessing"]["mean"] == [0.25]
    assert json.loads((tmp_path / "out" / "network.json").read_text())["std"] == [0.5]
    shown = succeed("export", "--from", tiny(tmp_path), *DATA, "--device", "mock", "--mean", "0.25", "--std", "0.5",
                    "--out", tmp_path / "out").out
    assert "in PyTorch" in shown and "model.onnx" in shown


@pytest.mark.parametrize(("body", "code", "words"), [
    ("x = F.dropout(x, 0.5)", 4, ("two passes over the same input differ", "dropout of its own forward pass",
                                  "training=self.training")),
    ("x = F.batch_norm(x, None, None, training=True)", 2, ("something else for an image alone than among others",)),
    ("x = x.view(1, 4, 6, 6)", 2, ("takes one image, and fails on 4 at once", "x.shape[0]")),
])
def test_networks_that_give_something_else_each_time(tmp_path: Path, body: str, code: int, words):
    exported(tmp_path, tiny(tmp_path, body), "--precision", "int8").refused(code, *words)
    assert not (tmp_path / "out").exists()


def test_data_is_read_with_every_option(tmp_path: Path):
    rng = np.random.default_rng(0)
    for index in range(60):
        folder = tmp_path / "photos" / str(index % 10)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (9, 9), np.uint8)).save(folder / f"{index}.png")
    broken = tmp_path / "photos" / "3" / "3.png"
    broken.write_bytes(broken.read_bytes()[:60])
    asked = ("export", "--from", tiny(tmp_path), "--data", tmp_path / "photos", "--image-size", "8", "--device", "mock",
             "--out", tmp_path / "out", "--format", "onnx")
    edgenas(*asked).refused(2, "3.png", "--on-bad-image skip")
    done = edgenas(*asked, "--on-bad-image", "skip", "--seed", "3", "--json")
    assert done.code == 0 and done.document["seed"] == 3
    assert "warning: 1 images could not be read and are left out: 3/3.png" in done.err
    edgenas("export", tmp_path, "--seed", "0").refused(2, "--seed is for a network of your own")


@pytest.mark.parametrize("content", ["[" * 100_000, "{", "large"])
def test_a_damaged_record_of_another_export_is_one_sentence(tmp_path: Path, content: str):
    (tmp_path / "network.json").write_text(content)
    if content == "large":
        os.truncate(tmp_path / "network.json", JSON_LIMIT + 1)
    with pytest.raises(RunError, match=f"{tmp_path / 'network.json'} is damaged"):
        foreign._claim(tmp_path, {"from": "net.py:build"})
