from __future__ import annotations

import json

import pytest
from operator_features import Workload, features

from edgenas.errors import DataError


def conv(inputs: list[int], weight: list[int], stride: int, padding: list[int], kind: str = "float32") -> str:
    return json.dumps([["TENSOR", inputs, kind], ["TENSOR", weight, kind], [stride, stride], padding, [1, 1], kind])


STEM = conv([1, 3, 224, 224], [64, 3, 7, 7], 2, [3, 3, 3, 3])
CONVOLUTIONS = ("conv2d_nchw_winograd.mali", "conv2d_nchw_spatial_pack.mali")


def test_a_convolution() -> None:
    found = Workload.parse("conv2d_nchw_spatial_pack.arm_cpu", STEM)
    assert found.output == (1, 64, 112, 112)
    assert found.macs == 118_013_952
    assert found.bytes == (4 * 3 * 224 * 224, 4 * 64 * 3 * 49, 4 * 64 * 112 * 112)


def test_a_depthwise_convolution() -> None:
    found = Workload.parse("depthwise_conv2d_nchw.mali", conv([1, 32, 14, 14], [32, 1, 3, 3], 1, [1, 1], "float16"))
    assert found.output == (1, 32, 14, 14)
    assert found.macs == 32 * 14 * 14 * 9
    assert found.bytes[0] == 2 * 32 * 14 * 14


def test_a_dense_layer() -> None:
    text = json.dumps([["TENSOR", [1, 1024], "float32"], ["TENSOR", [1000, 1024], "float32"], None, None])
    found = Workload.parse("dense.mali", text)
    assert (found.output, found.macs) == ((1, 1000), 1_024_000)


def test_a_layer_is_the_same_in_every_implementation_and_type_but_not_when_depthwise() -> None:
    half = STEM.replace("float32", "float16")
    layers = {Workload.parse(task, text).layer for task in CONVOLUTIONS for text in (STEM, half)}
    assert len(layers) == 1
    square = conv([1, 1, 8, 8], [1, 1, 3, 3], 1, [1, 1])
    plain, depthwise = (Workload.parse(f"{name}.cuda", square) for name in ("conv2d_nchw", "depthwise_conv2d_nchw"))
    assert plain.layer != depthwise.layer


@pytest.mark.parametrize(("task", "text"), [
    ("conv2d_nchw.cuda", "[]"), ("conv2d_nchw.cuda", "{"), ("conv2d_nchw.cuda", "3"), ("conv3d.cuda", STEM),
    ("conv2d_nchw.cuda", '[["TENSOR", [1, 3], "float32"], ["TENSOR", [1], "float32"], [1, 1], [0, 0], [1, 1]]'),
])
def test_other_arguments_are_refused(task: str, text: str) -> None:
    with pytest.raises(DataError, match=task):
        Workload.parse(task, text)


def test_features_tell_implementations_apart_and_are_not_negative() -> None:
    rows = features([Workload.parse(task, STEM) for task in CONVOLUTIONS])
    assert (rows >= 0).all()
    assert rows[0].tolist() != rows[1].tolist()
    assert rows[:, 0].tolist() == [118_013_952] * 2
