from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.tflite.partitions import Partitions, partitions


def test_fp32_is_one_part_and_int8_hard_swish_splits_it(net, images, tmp_path: Path) -> None:
    for precision, expected in (("fp32", Partitions(1, {})), ("int8", Partitions(3, {"HARD_SWISH": 2}))):
        item = Export(net, images[:1], tmp_path / f"{precision}.tflite", images)
        exporter("tflite").export([item], precision=precision)
        assert partitions(item.path) == expected


def test_what_xnnpack_does_not_take_at_all(tmp_path: Path) -> None:
    class Sine(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.cumsum(1)

    item = Export(Sine(), torch.randn(1, 6), tmp_path / "net.tflite")
    exporter("tflite").export([item])
    found = partitions(item.path)
    assert found.count == 0 and "CUMSUM" in found.left
