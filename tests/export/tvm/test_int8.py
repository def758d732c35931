from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from saturation import exact_int8
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.package.contents import operators, signature

from ..nets import SqueezeExcite, settled


@exact_int8
@pytest.mark.parametrize("part", [nn.ReLU6(), SqueezeExcite(4)])
def test_tvm_gives_what_the_int8_onnx_file_gives(tmp_path: Path, part: nn.Module) -> None:
    torch.manual_seed(0)
    net = settled(nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), part,
                                nn.Conv2d(4, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))).eval()
    images = torch.randn(12, 3, 9, 8)
    found = {}
    for format, runtime in (("onnx", "onnxruntime"), ("tvm", "tvm")):
        path = tmp_path / f"net{exporter(format).suffix}"
        exporter(format).export([Export(net, images[:1], path, images)], precision="int8")
        found[format] = open_session(path, runtime).predict(images.numpy())
    np.testing.assert_allclose(found["tvm"], found["onnx"], atol=1e-5)
    expected = net(images).detach().numpy()
    assert 0 < abs(found["tvm"] - expected).max() < 0.1 * abs(expected).max()
    (image,), (made,) = signature(tmp_path / "net.so")
    assert (image.shape, made.shape, made.dtype) == ((1, 3, 9, 8), (1, 5), "float32")
    assert operators(tmp_path / "net.so")["quantize"] >= 4
