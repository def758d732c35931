"""The examples classify an image file with the artifacts folder alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from edgenas.export.contents import operators, signature
from edgenas.export.manifest import Artifact, Input, Manifest, Preprocessing, write
from edgenas.files import sha256

EXAMPLES = Path(__file__).parents[2] / "examples"
CLASSES = ("ant", "bee", "cat", "dog", "eel")
# Runs a script where torch and edgenas cannot be imported.
ALONE = ("import runpy, sys; sys.modules.update(torch=None, edgenas=None); "
         "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])")


def preprocessing(channels: str) -> Preprocessing:
    grey = channels == "grey"
    return Preprocessing(channels=channels, size=(20, 28), scale=1 / 255, mean=(0.35,) if grey else (0.5, 0.4, 0.3),
                         std=(0.5,) if grey else (0.2, 0.25, 0.3))


def artifact(format: str, path: Path) -> Artifact:
    inputs, outputs = signature(path)
    return Artifact(
        format=format, runtime=format, path=path.name, bytes=path.stat().st_size, sha256=sha256(path),
        inputs=inputs, outputs=outputs, layout="NHWC" if format == "tflite" else "NCHW",
        operators=operators(path), max_abs=0.0, agreement=1.0, parity_images=1, target="host")


@pytest.fixture
def folder(export_all, tmp_path: Path) -> Callable[[str], tuple[Path, nn.Module]]:
    """The artifacts folder of a network that takes grey or RGB images, and the network."""
    def fill(channels: str) -> tuple[Path, nn.Module]:
        items = [export_all(format).items["grey" if channels == "grey" else "net"] for format in ("onnx", "tflite")]
        for item in items:
            shutil.copy(item.path, tmp_path / f"net{item.path.suffix}")
        write(manifest(tmp_path, preprocessing(channels)), tmp_path)
        return tmp_path, items[0].module
    return fill


def manifest(folder: Path, how: Preprocessing) -> Manifest:
    artifacts = (artifact("onnx", folder / "net.onnx"), artifact("tflite", folder / "net.tflite"))
    return Manifest(edgenas_version="0", created=datetime.now(UTC), command="", seed=0, space="mini",
                    architecture={}, classes=CLASSES, versions={}, artifacts=artifacts,
                    input=Input(name="image", shape=(1, len(how.mean), *how.size), dtype="float32",
                                preprocessing=how))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Colours that tell channels and axes apart, of the size that the networks take."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (20, 28, 3)) // np.array([1, 2, 3]) + np.arange(28)[None, :, None]
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def classified(script: str, folder: Path, picture: Path) -> tuple[str, float]:
    done = subprocess.run([sys.executable, "-c", ALONE, str(EXAMPLES / script), str(folder), str(picture)],
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
@pytest.mark.parametrize("script", ["run_onnx.py", "run_tflite.py"])
def test_the_example_says_what_pytorch_says(script: str, channels: str, folder, picture: Path) -> None:
    where, net = folder(channels)
    name, probability = by_pytorch(net, preprocessing(channels), picture)
    assert 0.25 < probability < 0.999
    assert classified(script, where, picture) == (name, pytest.approx(probability, abs=1e-3))


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
