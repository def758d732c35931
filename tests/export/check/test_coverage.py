"""What of an int8 file is int8, read from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.file_coverage import coverage
from edgenas.export.check.session import open_session
from edgenas.export.onnx.coverage import macs
from edgenas.export.package.contents import int8_coverage

IMAGES = torch.randn(12, 3, 8, 8)


class Recurrent(nn.Module):
    """A recurrent layer over rows, behind a convolution of `channels`."""

    def __init__(self, kind: type[nn.Module], channels: int, hidden: int) -> None:
        super().__init__()
        self.conv, self.rows = nn.Conv2d(3, channels, 3, padding=1), kind(4, hidden, batch_first=True)
        self.down, self.head = nn.Conv2d(channels, 4, (1, 8)), nn.Linear(hidden, 5)

    def forward(self, x: Tensor) -> Tensor:
        made, _ = self.rows(self.down(self.conv(x)).flatten(2).transpose(1, 2))
        return self.head(made[:, -1])


class Attended(nn.Module):
    """CBAM's gate of mean and maximum over channels, and a standard deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(2, 1, 3, padding=1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = x * self.gate(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)).sigmoid()
        return self.head(nn.functional.normalize(x.mean((2, 3)) + x.std((2, 3)), dim=1))


def int8(net: nn.Module, path: Path) -> Path:
    exporter(path.suffix[1:]).export([Export(net.eval(), IMAGES[:1], path, IMAGES)], precision="int8")
    return path


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_file_whose_weights_stay_in_float32_is_not_called_int8(kind: type[nn.Module], tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=rf"int8 in name only \(layer rows\): {kind.__name__} \(1\) in float32; .*%"):
        int8(Recurrent(kind, 1, 12), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


def test_what_stays_in_float32_of_a_file_is_listed_with_its_share(tmp_path: Path) -> None:
    found = coverage(int8(Recurrent(nn.GRU, 16, 3), tmp_path / "net.onnx"))
    assert found is not None and found.float32 == {"GRU": 1} and not found.whole
    recurrent = 8 * (9 * 4 + 9 * 3)
    others = 64 * 16 * 27 + 8 * 4 * 16 * 8 + 15
    assert found.macs == pytest.approx(others / (others + recurrent))
    weights, biases = 16 * 27 + 4 * 16 * 8 + 15, 4 * (16 + 4 + 5)
    real = 4 * (9 * 4 + 9 * 3 + 18)
    assert found.weights == pytest.approx((weights + biases) / (weights + biases + real), abs=0.02)
    assert str(found).startswith("GRU (1) in float32; 9") and str(found).endswith("are int8")


@pytest.mark.parametrize("suffix", ["onnx", "tflite"])
def test_a_file_of_our_own_vocabulary_is_int8_throughout(suffix: str, tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(128, 5))
    found = int8_coverage(int8(net, tmp_path / f"net.{suffix}"))
    assert found is not None and (found.macs, found.weights, found.float32) == (1, 1, {})


def test_a_float32_file_holds_nothing_of_int8(tmp_path: Path) -> None:
    for suffix in ("onnx", "tflite"):
        path = tmp_path / f"net.{suffix}"
        exporter(suffix).export([Export(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).eval(), IMAGES[:1], path)])
        found = coverage(path)
        assert found is not None and (found.macs, found.weights) == (0, 0) and found.float32


def test_means_and_largest_over_channels_become_int8(tmp_path: Path) -> None:
    net = Attended()
    path = int8(net, tmp_path / "net.onnx")
    with torch.no_grad():
        expected = net(IMAGES).numpy()
    found = open_session(path, "onnxruntime").predict(IMAGES.numpy())
    assert np.square(found - expected).mean() < 0.1 * np.square(expected).mean()


@pytest.mark.parametrize("settings", [
    {"kernel_size": 4, "stride": 3, "padding": 2, "groups": 4},
    {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}])
def test_transposed_convolutions_become_int8(settings: dict, tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ConvTranspose2d(8, 8, **settings))
    path = int8(net, tmp_path / "net.onnx")
    with torch.no_grad():
        expected = net(IMAGES).numpy()
    found = open_session(path, "onnxruntime").predict(IMAGES.numpy())
    assert np.square(found - expected).mean() < 0.1 * np.square(expected).mean()  # processors without VNNI saturate
    made = coverage(path)
    assert made is not None and made.macs == 1


def test_multiply_accumulates_of_what_the_exporters_write() -> None:
    shapes = {"a": (2, 3, 4), "b": (4, 5), "ab": (2, 3, 5), "q": (1, 8, 3), "k": (1, 8, 4), "x": (6, 1, 3),
              "w": (1, 8, 3), "r": (1, 8, 2), "y": (6, 1, 1, 2)}
    made = onnx.helper.make_node
    assert macs(made("MatMul", ["a", "b"], ["ab"]), shapes) == 2 * 3 * 5 * 4
    assert macs(made("Einsum", ["q", "k"], ["qk"], equation="nci,ncj->nij"), shapes) == 8 * 3 * 4
    assert macs(made("LSTM", ["x", "w", "r"], ["y"], hidden_size=2), shapes) == 6 * 8 * (3 + 2)
    assert macs(made("Relu", ["a"], ["a2"]), shapes) == 0
