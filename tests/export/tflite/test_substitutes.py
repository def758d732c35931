"""Operators that Google's converter lacks, in those that it has."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.tflite.substitutes import avg_pool2d, conv_transpose2d, max_pool2d

MAP = torch.randn(2, 4, 7, 9) - 3  # below zero: what is laid around a map must not become the largest
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@given(pairs, pairs, pairs, st.booleans(), st.data())
@settings(deadline=None, max_examples=60)
def test_largest_of_windows(kernel, stride, dilation, ceil, data) -> None:
    padding = tuple(data.draw(st.integers(0, size // 2)) for size in kernel)
    expected = F.max_pool2d(MAP, kernel, stride, padding, dilation, ceil)
    if bool(expected.isfinite().all()):  # a dilated window may lie beside the map altogether
        assert torch.equal(max_pool2d(MAP, kernel, stride, padding, dilation, ceil), expected)


@given(pairs, pairs, st.booleans(), st.booleans(), st.sampled_from([None, 1, 5]), st.data())
@settings(deadline=None, max_examples=60)
def test_means_of_windows(kernel, stride, ceil, counted, divisor, data) -> None:
    padding = tuple(data.draw(st.integers(0, size // 2)) for size in kernel)
    asked = (kernel, stride, padding, ceil, counted, divisor)
    assert torch.allclose(avg_pool2d(MAP, *asked), F.avg_pool2d(MAP, *asked), atol=1e-5)


@given(pairs, pairs, pairs, pairs, st.sampled_from([1, 2, 4]), st.data())
@settings(deadline=None, max_examples=60)
def test_transposed_convolutions(kernel, stride, padding, dilation, groups, data) -> None:
    more = tuple(data.draw(st.integers(0, max(step, gap) - 1)) for step, gap in zip(stride, dilation, strict=True))
    weight, bias = torch.randn(4, 3, *kernel), torch.randn(3 * groups)
    asked = (stride, padding, more, groups, dilation)
    expected = F.conv_transpose2d(MAP, weight, bias, *asked)
    assert torch.allclose(conv_transpose2d(MAP, weight, bias, *asked), expected, atol=1e-5)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.up = nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 4, 3, 2, 1, output_padding=1, groups=2)
        self.pools = nn.Sequential(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.MaxPool2d(2, 1, dilation=2),
                                   nn.AvgPool2d(2, divisor_override=3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pools(self.up(self.first(x))).mean((2, 3))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_network_of_them_becomes_a_file_that_computes_the_same(precision: str, tmp_path) -> None:
    net, images = Network().eval(), torch.randn(9, 3, 8, 8)
    item = Export(net, images[:1], tmp_path / "net.tflite", images)
    exporter("tflite").export([item], precision=precision)
    with torch.no_grad():
        expected = net(images).numpy()
    found = open_session(item.path, "litert").predict(images.numpy())
    assert np.abs(found - expected).max() < (1e-5 if precision == "fp32" else 0.1 * np.ptp(expected))
