"""ONNX files of mixed precision: int8 in the blocks that are marked, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from saturation import exact_int8
from torch import nn

from edgenas.errors import ExportError
from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.check.session import open_session
from edgenas.export.quantise.quantised import trainable
from edgenas.space.int8 import Int8

from .nets import MBConv, coloured, decided, settled

IMAGES = coloured(48, 3, 20, 28)


def net(*marked: int) -> nn.Module:
    """With these of its five blocks in int8."""
    torch.manual_seed(0)
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
    head = nn.Sequential(nn.Conv2d(8, 24, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    blocks = [stem, MBConv(8, 8, 3), MBConv(8, 8, 5, stride=2, squeeze_excite=True), head, nn.Linear(24, 5)]
    made = decided(settled(nn.Sequential(*blocks)), IMAGES).eval()
    return nn.Sequential(*(Int8(block) if i in marked else block for i, block in enumerate(made))).eval()


def export(module: nn.Module, path: Path, precision: str) -> Any:
    exporter("onnx").export([Export(module, IMAGES[:1], path, IMAGES)], precision=precision)
    return onnx.load(path)


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def convolutions(model: Any) -> list[bool]:
    """Of each, in order, whether an integer kernel computes it."""
    dequantised = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    return [dequantised.issuperset(node.input) for node in model.graph.node if node.op_type == "Conv"]


@exact_int8
@pytest.mark.parametrize(("marked", "expected"), [
    ((1,), "f iii fffff f"), ((1, 2), "f iii iiiii f"), ((0, 3), "i fff fffff i"), ((2,), "f fff iiiii f")])
def test_only_marked_blocks_are_int8_and_the_file_computes_what_was_simulated(
        marked: tuple[int, ...], expected: str, tmp_path: Path):
    module = net(*marked)
    model = export(module, tmp_path / "net.onnx", "mixed")
    assert convolutions(model) == [letter == "i" for letter in expected.replace(" ", "")]
    student = trainable(module, IMAGES, "mixed").eval()
    with torch.no_grad():
        simulated, exact = student(IMAGES).numpy(), module(IMAGES).numpy()
    found = open_session(tmp_path / "net.onnx", "onnxruntime").predict(IMAGES.numpy())
    lost = np.linalg.norm(found - exact)
    assert 0 < lost < 0.1 * np.linalg.norm(exact)
    assert np.linalg.norm(found - simulated) < 0.5 * lost


def test_blocks_in_int8_that_follow_each_other_are_not_rounded_between(tmp_path: Path):
    apart = [kinds(export(net(i), tmp_path / "one.onnx", "mixed")).count("QuantizeLinear") for i in (1, 2)]
    together = kinds(export(net(1, 2), tmp_path / "both.onnx", "mixed")).count("QuantizeLinear")
    assert together == sum(apart) - 1


def test_all_or_nothing_marked_gives_the_files_of_one_precision(tmp_path: Path):
    for marked, precision in (((), "fp32"), ((0, 1, 2, 3, 4), "int8")):
        one = kinds(export(net(*marked), tmp_path / "mixed.onnx", "mixed"))
        assert sorted(one) == sorted(kinds(export(net(*marked), tmp_path / "one.onnx", precision)))


def test_marks_mean_nothing_in_other_precisions(tmp_path: Path):
    export(net(1), tmp_path / "marked.onnx", "fp32")
    export(net(), tmp_path / "plain.onnx", "fp32")
    assert (tmp_path / "marked.onnx").read_bytes() == (tmp_path / "plain.onnx").read_bytes()


def test_a_network_outside_the_vocabulary_is_refused(tmp_path: Path):
    module = nn.Sequential(Int8(nn.Conv2d(3, 4, 1)), nn.PReLU())
    with pytest.raises(ExportError, match="cannot be of mixed precision: operator PReLU"):
        export(module, tmp_path / "net.onnx", "mixed")
    assert not list(tmp_path.iterdir())
