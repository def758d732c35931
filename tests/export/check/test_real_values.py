from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgenas.errors import DeviceError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.real_values import RealSession, is_quantised
from edgenas.export.check.session import open_session
from edgenas.export.package import contents
from edgenas.measure.runtimes.run_litert import Session


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)).eval()


@pytest.fixture(scope="module")
def int8_file(net: nn.Module, images: torch.Tensor, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("int8") / "net.tflite"
    exporter("tflite").export([Export(net, images[:1], path, images)], precision="int8")
    return path


def test_an_int8_file_predicts_from_real_images(net: nn.Module, images: torch.Tensor, int8_file: Path) -> None:
    found = open_session(int8_file, "litert").predict(images.numpy())
    assert found.dtype == np.float32
    (_, (made,)) = contents.signature(int8_file)
    np.testing.assert_allclose(found, net(images).detach().numpy(), atol=3 * made.quantisation.scale)


def test_a_session_says_what_it_takes(int8_file: Path) -> None:
    session = Session(str(int8_file), 1)
    assert is_quantised(session)
    real = RealSession(session, int8_file)
    assert not is_quantised(real)
    assert [kind for _, _, kind in (*real.inputs, *real.outputs)] == ["float32", "float32"]
    assert real.inputs[0][1] == [1, 8, 8, 3]


def test_int8_without_a_scale_is_refused(int8_file: Path, monkeypatch) -> None:
    given, made = contents.signature(int8_file)
    bare = tuple(spec.model_copy(update={"quantisation": None}) for spec in given)
    monkeypatch.setattr("edgenas.export.check.real_values.signature", lambda path: (bare, made))
    with pytest.raises(DeviceError, match="does not say what the int8 values of 'image' stand for"):
        RealSession(Session(str(int8_file), 1), int8_file)
