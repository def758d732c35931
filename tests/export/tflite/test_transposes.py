from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.findings import gates
from edgenas.export.check.session import open_session
from edgenas.export.tflite.transposes import without_residual_transposes


class Between(nn.Module):
    """What the direct exporter does not know, between a convolution and a classifier."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.first, self.second, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 6, 3), nn.Linear(6, 4)
        self.norm = nn.GroupNorm(2, 8)
        self.register_buffer("ramp", torch.arange(8.0).view(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.second(WITHIN[self.name](self, self.first(x)))
        if self.name == "largest":
            return self.head(x.amax((2, 3)))
        if self.name == "kept":
            return self.head((x * x.mean((2, 3), keepdim=True)).mean((2, 3), keepdim=True).flatten(1))
        return self.head(x.mean((2, 3)))


WITHIN = {
    "elu": lambda net, x: F.elu(x), "softplus": lambda net, x: F.softplus(x), "ramp": lambda net, x: x * net.ramp,
    "halves": lambda net, x: torch.cat([F.elu(x), -F.elu(x)], 1)[:, 4:12], "largest": lambda net, x: F.mish(x),
    "kept": lambda net, x: F.elu(x), "padded": lambda net, x: F.elu(F.pad(F.elu(x), (1, 2, 0, 1))),
    "grouped": lambda net, x: net.norm(x),
}
IMAGES = torch.randn(3, 3, 10, 12)


@pytest.fixture(scope="module")
def items(tmp_path_factory) -> dict[str, Export]:
    """All of them converted in one go."""
    folder = tmp_path_factory.mktemp("between")
    torch.manual_seed(0)
    made = {name: Export(Between(name).eval(), IMAGES[:1], folder / f"{name}.tflite") for name in WITHIN}
    exporter("tflite").export(list(made.values()))
    return made


@pytest.mark.parametrize("name", list(WITHIN))
def test_changes_of_layout_vanish_and_the_file_computes_the_same(items: dict[str, Export], name: str) -> None:
    item = items[name]
    with torch.no_grad():
        expected = item.module(IMAGES).numpy()
    assert np.allclose(open_session(item.path, "litert").predict(IMAGES.numpy()), expected, atol=1e-5)
    found = gates(item.module, item.example, item.path, exporter("tflite"))
    assert found is not None and found.transposes <= (2 if name == "grouped" else 0)


def test_a_file_without_any_stays_as_it_is(tflite_files) -> None:
    content = Path(tflite_files.items["net"].path).read_bytes()
    assert without_residual_transposes(content) is content


def test_the_same_network_gives_the_same_bytes(items: dict[str, Export], tmp_path: Path) -> None:
    item = items["halves"]
    again = Export(item.module, item.example, tmp_path / "again.tflite")
    exporter("tflite").export([again])
    assert again.path.read_bytes() == item.path.read_bytes()
