"""Every operator, written every way: what the two direct files compute is what PyTorch computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.exporters.onnx import write as official_onnx
from edgenas.export.exporters.tflite import write as official_tflite
from edgenas.export.ir.lowering import NotLoweredError, lower
from edgenas.export.package.contents import operators

from ..vocabulary import MAP, blocks, outside, single

RUNTIMES = {"onnx": "onnxruntime", "tflite": "litert"}
OFFICIAL = {"onnx": official_onnx, "tflite": official_tflite}


def computed(path: Path, format: str, images: torch.Tensor) -> np.ndarray:
    found = open_session(path, RUNTIMES[format]).predict(images.numpy())
    return found.transpose(0, 3, 1, 2) if found.ndim == 4 and format == "tflite" else found


@pytest.fixture
def only_direct(monkeypatch) -> None:
    def refuse(items) -> None:
        raise AssertionError(f"{items[0].path.name} went to the official exporter")
    for format in OFFICIAL:
        monkeypatch.setattr(f"edgenas.export.exporters.{format}.write", refuse)


@pytest.mark.parametrize("name", [*single(), *blocks()])
@pytest.mark.parametrize("format", sorted(RUNTIMES))
def test_the_file_computes_what_pytorch_computes(format: str, name: str, tmp_path: Path, only_direct) -> None:
    module, shape = (single() | blocks())[name]
    images = 2 * torch.randn(3, *shape, generator=torch.Generator().manual_seed(1))
    path = tmp_path / f"net.{format}"
    exporter(format).export([Export(module, images[:1], path)])
    with torch.no_grad():
        expected = module(images).numpy()
    np.testing.assert_allclose(computed(path, format, images), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    assert not {"TRANSPOSE", "Transpose"} & set(operators(path))


@pytest.mark.parametrize("name", sorted(outside()))
def test_what_is_outside_is_named(name: str) -> None:
    with pytest.raises(NotLoweredError, match=name):
        lower(outside()[name], torch.randn(1, *MAP))


@pytest.mark.parametrize("format", sorted(OFFICIAL))
def test_blocks_are_made_of_the_official_exporters_operators(format: str, tmp_path: Path) -> None:
    modules = {name: module for name, module in blocks().items() if name != "residual"}  # held by "excited"
    direct, official = ([Export(module, torch.randn(1, *shape), tmp_path / way / f"{name}.{format}")
                         for name, (module, shape) in modules.items()] for way in ("direct", "official"))
    exporter(format).export(direct)
    OFFICIAL[format](official)
    for ours, theirs in zip(direct, official, strict=True):
        assert operators(ours.path) == operators(theirs.path), ours.path.stem


def test_a_module_beside_one_that_is_outside_is_written_the_same(tmp_path: Path) -> None:
    to, image = exporter("onnx"), torch.randn(1, *MAP)
    inside = [Export(nn.Conv2d(4, 2, 1), image, tmp_path / f"{name}.onnx") for name in ("alone", "beside")]
    inside[1].module.load_state_dict(inside[0].module.state_dict())
    done: list[Export] = []
    to.export(inside[:1])
    elu = Export(nn.ELU(), image, tmp_path / "elu.onnx")
    to.export([elu, inside[1]], on_done=done.append)
    assert inside[0].path.read_bytes() == inside[1].path.read_bytes()
    assert sorted(item.path.name for item in done) == ["beside.onnx", "elu.onnx"]
    assert operators(elu.path) == {"Elu": 1}
