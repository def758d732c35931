from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from edgenas.export import exporter
from edgenas.export.check.findings import described, gates, warnings
from edgenas.export.exporters.tflite import _litert_torch
from edgenas.export.package.manifest import Gates
from edgenas.export.quiet import muted, quiet

from ..conftest import Exported


def test_a_file_that_is_as_it_should_be(exported: Exported) -> None:
    item = exported.items["net"]
    found = gates(item.module, item.example, item.path, exporter(exported.format))
    parts = 1 if exported.format == "tflite" else None
    assert found == (None if exported.format == "tvm" else Gates(
        transposes=0, transposes_wanted=0, layouts_wanted=0, partitions=parts))
    assert warnings(found) == []
    assert described(found) == {"onnx": "no transpose", "tflite": "no transpose; 1 XNNPACK part",
                                "tvm": "not looked into"}[exported.format]


def test_a_transpose_that_nobody_asked_for_is_a_warning_that_names_it(tmp_path: Path) -> None:
    litert_torch = _litert_torch()
    net, example = nn.Conv2d(3, 4, 3).eval(), torch.randn(1, 3, 8, 8)
    with quiet(), muted():
        litert_torch.convert(net, (example,)).export(str(tmp_path / "net.tflite"))
    found = gates(net, example, tmp_path / "net.tflite", exporter("tflite"))
    (said,) = warnings(found)
    assert said.startswith("2 transposes that the network does not ask for cost time: transpose_0 [0, 2, 3, 1] between "
                           "the input and conv_2d_1")
    assert described(found).startswith("no transpose and 2 not asked for")


def test_what_splits_it_is_a_warning_that_names_it() -> None:
    split = Gates(transposes=2, transposes_wanted=2, layouts_wanted=0, partitions=3, left={"HARD_SWISH": 2})
    (said,) = warnings(split)
    assert "3 parts" in said and "HARD_SWISH (2)" in said
    assert described(split) == "2 transposes of its own; 3 XNNPACK parts, without HARD_SWISH (2)"
