"""The examples classify an image file with the artifacts folder alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import SCRIPTS, Export
from edgenas.export.package.preprocessing import Preprocessing

from .folders import CLASSES, described, preprocessing
from .nets import coloured

# Runs a script where torch and edgenas cannot be imported.
ALONE = ("import runpy, sys; sys.modules.update(torch=None, edgenas=None); "
         "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])")


@pytest.fixture
def folder(export_all, tmp_path: Path) -> Callable[[str], tuple[Path, nn.Module]]:
    """The artifacts folder of a network that takes grey or RGB images, and the network."""
    def fill(channels: str) -> tuple[Path, nn.Module]:
        named = {format: export_all(format).items["grey" if channels == "grey" else "net"]
                 for format in ("onnx", "tflite", "tvm")}
        for item in named.values():
            shutil.copy(item.path, tmp_path / f"net{item.path.suffix}")
        item = named["tvm"]
        shutil.copy(f"{item.path}.json", tmp_path / "net.so.json")
        exporter("tflite").export([Export(item.module, item.example, tmp_path / "net.int8.tflite",
                                          coloured(20, *item.example.shape[1:]))], precision="int8")
        described(tmp_path, {"net.onnx": "onnx", "net.tflite": "tflite", "net.so": "tvm",
                             "net.int8.tflite": "tflite"}, channels)
        return tmp_path, item.module
    return fill


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Colours that tell channels and axes apart, of the size that the networks take."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (20, 28, 3)) // np.array([1, 2, 3]) + np.arange(28)[None, :, None]
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def classified(script: str, folder: Path, picture: Path, *model: str) -> tuple[str, float]:
    done = subprocess.run([sys.executable, "-c", ALONE, str(SCRIPTS / script), str(folder), str(picture), *model],
                          capture_output=True, text=True, check=True)
    name, probability = done.stdout.split()
    return name, float(probability)


def by_pytorch(net: nn.Module, how: Preprocessing, picture: Path) -> tuple[str, float]:
    image = Image.open(picture).convert("L" if how.channels == "grey" else "RGB")
    pixels = torch.from_numpy(np.array(image)).view(*how.size, -1).permute(2, 0, 1)[None]
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (how.mean, how.std))
    with torch.no_grad():
        shares = net((pixels * how.scale - mean) / std).softmax(1)[0]
    return CLASSES[int(shares.argmax())], float(shares.max())


@pytest.mark.parametrize("channels", ["grey", "RGB"])
@pytest.mark.parametrize("script", ["run_onnx.py", "run_tflite.py", "run_tvm.py"])
def test_the_example_says_what_pytorch_says(script: str, channels: str, folder, picture: Path) -> None:
    where, net = folder(channels)
    name, probability = by_pytorch(net, preprocessing(channels), picture)
    assert 0.25 < probability < 0.999
    assert classified(script, where, picture) == (name, pytest.approx(probability, abs=1e-3))


def test_an_int8_file_is_given_what_it_takes(folder, picture: Path) -> None:
    where, net = folder("RGB")
    name, probability = by_pytorch(net, preprocessing("RGB"), picture)
    found, share = classified("run_tflite.py", where, picture, "net.int8.tflite")
    assert found == name and share == pytest.approx(probability, abs=0.1) and share != pytest.approx(probability)


def test_a_program_reads_raw_tensors(folder, picture: Path, tmp_path: Path) -> None:
    where, net = folder("grey")
    exporter("binary").export([Export(net, torch.zeros(1, 1, 20, 28), tmp_path / "net.bin")])
    described(tmp_path, {"net.bin": "binary"}, "grey")
    name, probability = by_pytorch(net, preprocessing("grey"), picture)
    assert classified("run_binary.py", tmp_path, picture) == (name, pytest.approx(probability, abs=1e-3))


@pytest.mark.parametrize("script", ["run_onnx.py", "run_tflite.py"])
def test_an_image_of_another_size_turn_and_transparency_is_brought_to_the_manifest(
        script: str, folder, picture: Path, tmp_path: Path) -> None:
    where, _ = folder("RGB")
    wide = Image.new("RGBA", (56, 28), (0, 0, 0, 0))
    wide.paste(Image.open(picture).resize((39, 28)), (8, 0))
    plain = Image.new("RGB", wide.size, "white")
    plain.paste(wide, mask=wide)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    wide.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    plain.save(tmp_path / "plain.png")
    assert classified(script, where, tmp_path / "turned.png") == classified(script, where, tmp_path / "plain.png")
