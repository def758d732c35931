from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from edgenas.errors import ExportError
from edgenas.export.base import Export
from edgenas.export.check.culprit import located

NET = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ELU(), nn.Sequential(nn.Tanh(), nn.MaxPool2d(2)), nn.Conv2d(4, 2, 1)).eval()
ITEM = Export(NET, torch.randn(1, 3, 8, 8), Path("net.tflite"))
MLIR = ("net.tflite: TFLite cannot express it: Failed to run: <eval_with_key>.3:20:0: error: failed to legalize "
        "operation 'mhlo.convolution' that was explicitly marked illegal: %109 = \"mhlo.convolution\"(%104)")


def test_an_operator_that_is_named_is_found_in_its_layer() -> None:
    error = ExportError("net.tflite: TFLite cannot express it: operator aten.tanh.default is not supported", "hint")
    found = located(ITEM, error, lambda part: None)
    assert found.message.endswith("operator aten.tanh.default is not supported, in 2.0 (tanh)") and found.hint == "hint"


def test_one_that_is_not_is_found_by_halving_and_the_converter_s_own_code_is_left_out() -> None:
    tried: list[str] = []

    def convert(part: Export) -> None:
        tried.append(str(part.module))
        if any("max_pool2d" in str(node.target) for node in part.module.graph.nodes):
            raise ExportError("cannot")

    found = located(ITEM, ExportError(MLIR), convert)
    assert found.message == ("net.tflite: it fails at layer 2.1 (max_pool2d): TFLite cannot express it: Failed to run: "
                             "failed to legalize operation 'mhlo.convolution'")
    assert len(tried) <= 3
