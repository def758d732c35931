from __future__ import annotations

import pytest
from ai_edge_litert.schema_py_generated import Model, ModelT

from edgenas.export.tflite.graph import ALIGNMENT, split

from ..conftest import Exported


def test_weights_are_aligned_as_the_schema_demands(tflite_files: Exported) -> None:
    content = tflite_files.items["net"].path.read_bytes()
    model = Model.GetRootAs(content)
    starts = []
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            starts.append(buffer._tab.Vector(buffer._tab.Offset(4)))
    assert len(starts) > 10
    assert not any(start % ALIGNMENT for start in starts)


def test_a_part_holds_its_own_tensors_and_weights_only(tflite_files: Exported) -> None:
    model = ModelT.InitFromPackedBuf(tflite_files.items["shared"].path.read_bytes())
    graph = model.subgraphs[0]
    used = {tensor for operator in graph.operators for tensor in [*operator.inputs, *operator.outputs]}
    assert used == set(range(len(graph.tensors)))
    assert {tensor.buffer for tensor in graph.tensors} == set(range(len(model.buffers)))
    assert [tensor.name for tensor in graph.tensors][:3] == [b"image", b"conv_2d_0.1", b"conv_2d_0.2"]


def test_a_model_of_another_signature_is_refused(tflite_files: Exported) -> None:
    with pytest.raises(ValueError, match="1 inputs and 1 outputs instead of 2"):
        split(tflite_files.items["linear"].path.read_bytes(), 2)
