"""int8 networks for TVM: the int8 ONNX file as a Relax program.

TVM 0.26 has no integer kernels of its own for this: weights are kept in int8 and values are rounded to int8 between
operators, which compute in float32. So the file gives what the other int8 files give, and is no faster than fp32.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgenas.export.base import Export
from edgenas.export.check.coverage import Coverage
from edgenas.export.check.file_coverage import coverage
from edgenas.export.extras import import_extra
from edgenas.export.ir.tracing import translated
from edgenas.export.quiet import quiet


def int8_module(item: Export) -> tuple[Any, tuple[int, ...], Coverage | None]:
    """The item as a Relax program of `main`, the shape of its output, and what of it is int8. Errors as those of
    ToOnnx.export()."""
    from tvm.relax.frontend.onnx import from_onnx

    from edgenas.export.exporters.onnx import EXPORTER
    with tempfile.TemporaryDirectory(prefix="edgenas-") as folder:
        source = replace(item, path=Path(folder) / f"{item.path.stem}.onnx")
        EXPORTER.export([source], precision="int8")
        covered = coverage(source.path)
        model = import_extra("onnx", EXPORTER.extra).load_model(source.path)
        float_scalars(model.graph)
    with translated([item], "TVM cannot express it"), quiet():
        module = from_onnx(model, keep_params_in_input=False)
    return module, tuple(size.dim_value for size in model.graph.output[0].type.tensor_type.shape.dim), covered


def float_scalars(graph: Any) -> None:
    """Make constants of no dimension, which TVM cannot dequantise, the float32 numbers that they stand for."""
    from onnx import numpy_helper
    known = {weight.name: weight for weight in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "DequantizeLinear" and n.input[0] in known]:
        value, scale, zero = (numpy_helper.to_array(known[name]) for name in node.input)
        if value.ndim:
            continue
        number = (value.astype(np.float32) - zero.astype(np.float32)) * scale
        graph.initializer.append(numpy_helper.from_array(number.reshape(()).astype(np.float32), node.output[0]))
        graph.node.remove(node)
