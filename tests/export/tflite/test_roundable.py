"""Operators that Google's quantizer leaves in float32, in those that it rounds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.tflite.roundable import absolute, deviation, norm, variance

MAP = torch.randn(2, 4, 7, 9) - 3
axes = st.none() | st.lists(st.integers(-4, 3), min_size=1, max_size=3, unique_by=lambda axis: axis % 4)


@given(axes, st.sampled_from([None, 0, 1, 2.5]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_deviations(dim, correction, keep) -> None:
    count = math.prod(MAP.shape if dim is None else (MAP.shape[axis] for axis in dim))
    assume(correction is None or count > correction)  # of fewer there is no deviation
    for ours, theirs in ((variance, torch.var), (deviation, torch.std)):
        asked = {"correction": 1 if correction is None else correction, "keepdim": keep}
        assert torch.allclose(ours(MAP, dim, **asked), theirs(MAP, dim, **asked), atol=1e-5)


@given(axes | st.integers(-4, 3), st.sampled_from([1, 2, 3, float("inf")]), st.booleans())
@settings(deadline=None, max_examples=60)
def test_norms(dim, order, keep) -> None:
    assert torch.allclose(norm(MAP, order, dim, keep), torch.linalg.vector_norm(MAP, order, dim, keep), rtol=1e-5)


def test_absolute() -> None:
    assert torch.equal(absolute(MAP), MAP.abs())


class Spread(nn.Module):
    """What is told apart by how far features lie from their mean, as cosines and sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.weight = nn.Conv2d(3, 8, 3, 2), nn.Parameter(torch.randn(5, 8))

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        spread = features.std((2, 3)) + features.mean((2, 3)).abs()
        return F.linear(F.normalize(spread, dim=1), F.normalize(self.weight, dim=1))


def test_a_network_with_deviations_and_norms_is_int8_throughout(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, images = Spread().eval(), torch.randn(32, 3, 12, 12)
    item = Export(net, images[:1], tmp_path / "net.tflite", calibration=images)
    exporter("tflite").export([item], precision="int8")
    with torch.no_grad():
        expected = net(images).numpy()
    found = open_session(item.path, "litert").predict(images.numpy())
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.99
    assert float(np.abs(expected - found).max()) == pytest.approx(0, abs=0.05)
