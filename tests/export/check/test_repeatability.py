from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.repeatability import check_repeatable, mixing_layer

from ..nets import MiniNet

IMAGE = torch.randn(1, 3, 8, 8)


class Within(nn.Module):
    """A layer `odd` of that forward pass between two others."""

    def __init__(self, odd) -> None:
        super().__init__()
        self.first, self.odd, self.last = nn.Conv2d(3, 4, 3), Applied(odd), nn.Conv2d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.odd(self.first(x)))


class Applied(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function, self.count, self.norm = function, 0, nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def counted(layer: Applied, x: Tensor) -> Tensor:
    layer.count += 1
    return x * layer.count


def trained(layer: Applied, x: Tensor) -> Tensor:
    layer.norm.train()
    return layer.norm(x)


@pytest.mark.parametrize(("odd", "words"), [
    (lambda _, x: F.dropout(x, 0.5), r"draws random numbers, in dropout of layer odd \(Applied\)"),
    (lambda _, x: x * (torch.rand(1) > 0.001), "draws random numbers, in rand of layer odd"),
    (lambda _, x: x + random.random(), "draws random numbers, in layer odd"),
    (lambda _, x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.2), "in scaled_dot_product_attention of"),
    (counted, "first in layer odd"),
])
def test_a_network_that_gives_something_else_each_time_is_refused_by_the_layer(odd, words: str, tmp_path) -> None:
    item = Export(Within(odd).eval(), IMAGE, tmp_path / "net.onnx")
    with pytest.raises(ExportError, match=f"net.onnx: two passes over the same input .*differ.*{words}"):
        exporter("onnx").export([item])
    assert not item.path.exists()


def test_what_is_switched_off_is_no_chance() -> None:
    net = nn.Sequential(MiniNet(), nn.Dropout(0.5), nn.RReLU()).eval()
    assert check_repeatable(net, torch.randn(1, 3, 16, 16), "net").shape == (1, 5)


def test_a_normalisation_that_mixes_images_is_found() -> None:
    assert mixing_layer(Within(trained).eval(), torch.randn(4, 3, 8, 8)) == "layer odd.norm (BatchNorm2d)"
