from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch

from edgenas.export import exporter
from edgenas.export.base import Export
from edgenas.export.package.contents import operators
from edgenas.files import sha256

from ..conftest import Exported, modules


@pytest.mark.parametrize("name", ["strided", "outside"])
def test_the_same_module_gives_the_same_bytes_alone_and_in_a_batch(onnx_files: Exported, name: str,
                                                                    tmp_path: Path) -> None:
    module, shape = modules()[name]
    exporter("onnx").export([Export(module, torch.randn(1, *shape), tmp_path / "alone.onnx")])
    assert sha256(tmp_path / "alone.onnx") == sha256(onnx_files.items[name].path)


def test_a_module_at_two_sizes_differs_in_shapes_only(onnx_files: Exported) -> None:
    large, small = (onnx.load(onnx_files.items[name].path).graph for name in ("shared", "shared smaller"))
    assert list(large.node) == list(small.node)
    assert list(large.initializer) == list(small.initializer)
    assert large.value_info[0] != small.value_info[0]


def test_each_convolution_takes_its_norm_and_bias(onnx_files: Exported) -> None:
    assert operators(onnx_files.items["strided"].path) == {"Clip": 2, "Conv": 3}
    assert operators(onnx_files.items["shared"].path) == {"Add": 1, "Clip": 2, "Conv": 3}
    assert operators(onnx_files.items["outside"].path) == {"Conv": 1, "Elu": 1}


def test_the_file_is_checked_static_and_bare(onnx_files: Exported) -> None:
    for item in onnx_files.items.values():
        model = onnx.load(item.path)
        onnx.checker.check_model(model, full_check=True)
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
        assert model.ir_version == 10
        records = [model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info,
                   *model.graph.input, *model.graph.output]
        assert not any(record.metadata_props or record.doc_string for record in records)
        values = [*model.graph.input, *model.graph.output, *model.graph.value_info]
        assert all(size.dim_value > 0 for value in values for size in value.type.tensor_type.shape.dim)


def test_a_module_that_does_nothing_is_one_identity(onnx_files: Exported) -> None:
    assert operators(onnx_files.items["nothing"].path) == {"Identity": 1}
