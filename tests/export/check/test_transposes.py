from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.transposes import Transpose, Wanted, residual, transposes, wanted_by
from edgenas.export.exporters.tflite import _litert_torch
from edgenas.export.quiet import muted, quiet

from ..conftest import Exported


class Shuffled(nn.Module):
    """Channels shuffled between convolutions, then a flattening that an activation keeps from the linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)
        self.head = nn.Linear(8 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.second(x.view(1, 2, 4, 4, 4).transpose(1, 2).reshape(1, 8, 4, 4))
        return self.head(nn.functional.elu(x.flatten(1)))


EXAMPLE = torch.randn(1, 3, 8, 8)


def test_our_own_networks_ask_for_none_and_get_none(exported: Exported) -> None:
    item = exported.items["net"]
    assert transposes(item.path) == []
    assert wanted_by(item.module, item.example, channels_last=False) == Wanted(0, 0)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_network_gets_those_that_it_asks_for(format: str, tmp_path: Path) -> None:
    to = exporter(format)
    item = Export(Shuffled(), EXAMPLE, tmp_path / f"net{to.suffix}")
    to.export([item])
    found = transposes(item.path)
    wanted = wanted_by(item.module, EXAMPLE, channels_last=format == "tflite")
    assert wanted == (Wanted(1, 3) if format == "tflite" else Wanted(1, 0))
    assert (0, 2, 1, 3, 4) in [transpose.axes for transpose in found]
    assert residual(found, wanted) == []


def test_an_exporter_s_own_are_residual(tmp_path: Path) -> None:
    """litert-torch without channels-last inputs puts one before the first convolution."""
    litert_torch = _litert_torch()
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    with quiet(), muted():
        litert_torch.convert(net, (EXAMPLE,)).export(str(tmp_path / "net.tflite"))
    found = transposes(tmp_path / "net.tflite")
    left = residual(found, wanted_by(net, EXAMPLE, channels_last=True))
    assert [transpose.axes for transpose in left] == [(0, 2, 3, 1), (0, 3, 1, 2)]
    assert str(left[0]) == "transpose_0 [0, 2, 3, 1] between the input and conv_2d_1"


def test_changes_of_layout_are_counted() -> None:
    back, other = Transpose("t", (0, 3, 1, 2), ("a", "b")), Transpose("u", (0, 2, 1), ("a", "b"))
    assert residual([other], Wanted(0, 0)) == [other]
    assert residual([other, other], Wanted(1, 0)) == []
    assert residual([other, back, back], Wanted(1, 1)) == [back]


def test_a_permutation_of_weights_asks_for_nothing() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 6))

        def forward(self, x: Tensor) -> Tensor:
            return x @ self.weight.T

    assert wanted_by(Tied(), torch.randn(1, 6), channels_last=False) == Wanted(0, 0)
