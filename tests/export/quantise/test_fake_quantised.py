"""The network that is trained for int8 computes what the int8 files compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from saturation import exact_int8
from torch import Tensor, nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.quantise.fake_quantised import KEPT, FakeQuantised
from edgenas.export.quantise.quantised import trainable

from ..nets import MBConv, coloured, decided, settled
from ..vocabulary import blocks, single

CALIBRATION = coloured(48, 3, 20, 28)
IMAGES = coloured(60, 3, 20, 28)
RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
FORMATS = (pytest.param("onnx", marks=exact_int8), "tflite")
TABLES = ("hardswish", "gelu", "silu", "sigmoid", "functions")  # of which runtimes round parts of their own


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return decided(settled(nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), MBConv(8, 8, 3),
        MBConv(8, 16, 5, stride=2, squeeze_excite=True), nn.Conv2d(16, 24, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 5))), CALIBRATION).eval()


def file_of(module: nn.Module, images: Tensor, format: str, folder: Path) -> np.ndarray:
    """What the module's int8 file makes of the images, NCHW; one that was trained for int8 has its own ranges."""
    to = exporter(format)
    path = folder / f"net{to.suffix}"
    calibration = None if isinstance(module, FakeQuantised) else images
    to.export([Export(module, images[:1], path, calibration)], precision="int8")
    found = open_session(path, RUNTIMES[format]).predict(images.numpy())
    return found.transpose(0, 3, 1, 2) if found.ndim == 4 and format == "tflite" else found


def steps_apart(module: FakeQuantised, images: Tensor, found: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        expected = module.eval()(images).numpy()
    return np.abs(found - expected) / module.scales()[module.lowered().output].scale


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", [*single(), *blocks()])
def test_every_operator_is_rounded_as_the_runtimes_do(name: str, format: str, tmp_path: Path) -> None:
    module, shape = (single() | blocks())[name]
    images = 2 * torch.randn(8, *shape, generator=torch.Generator().manual_seed(1))
    apart = steps_apart(trainable(module, images), images, file_of(module, images, format, tmp_path))
    assert apart.max() < (3.1 if name in TABLES else 2.1)
    assert (apart > 0.1).mean() < (0.2 if name == "average" else 0.1)  # halves are rounded up, or to even numbers


@pytest.mark.parametrize("format", FORMATS)
def test_a_trained_network_gives_the_logits_of_its_files(net: nn.Module, format: str, tmp_path: Path) -> None:
    student = trainable(net, CALIBRATION).train()
    optimizer = torch.optim.Adam(student.parameters(), lr=1e-2)
    labels = torch.randint(0, 5, (len(CALIBRATION),), generator=torch.Generator().manual_seed(0))
    before = {name: value.clone() for name, value in student.state_dict().items()}
    losses = []
    for _ in range(8):
        loss = nn.functional.cross_entropy(student(CALIBRATION), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    moved = [name for name, value in student.state_dict().items() if not value.equal(before[name])]
    assert {"lows", "highs"} < set(moved) and len(moved) == len(before) - sum("_unit_" in name for name in before)
    apart = steps_apart(student, IMAGES, file_of(student, IMAGES, format, tmp_path))
    assert apart.max() < 2.1 and (apart > 0.1).mean() < 0.05


def test_ranges_follow_the_batches_in_training_alone(net: nn.Module) -> None:
    student = trainable(net, CALIBRATION).eval()
    low, high = float(student.lows[0]), float(student.highs[0])
    assert (low, high) == (float(CALIBRATION.min()), float(CALIBRATION.max()))
    student(3 * CALIBRATION)
    assert (float(student.lows[0]), float(student.highs[0])) == (low, high)
    student.train()(3 * CALIBRATION)
    assert float(student.highs[0]) == pytest.approx(KEPT * high + (1 - KEPT) * 3 * high)


def test_gradients_stop_where_values_are_clipped() -> None:
    student = trainable(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False)).eval(), torch.linspace(-1, 1, 9).view(1, 1, 3, 3))
    images = torch.tensor([0.5, 9.0]).view(1, 1, 1, 2).requires_grad_()
    student(images).sum().backward()
    assert images.grad is not None
    inside, beyond = images.grad.flatten().tolist()
    assert inside != 0 and beyond == 0


def test_its_state_is_all_that_its_files_are_made_of(net: nn.Module, tmp_path: Path) -> None:
    student = trainable(net, CALIBRATION).train()
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.mul_(1.1)
    student(IMAGES)
    other = trainable(net, CALIBRATION)
    other.load_state_dict(student.state_dict())
    for number, each in enumerate((student, other)):
        exporter("onnx").export([Export(each, IMAGES[:1], tmp_path / f"{number}.onnx")], precision="int8")
    assert (tmp_path / "0.onnx").read_bytes() == (tmp_path / "1.onnx").read_bytes()
